# Which Abseil this is: its release and its inline namespace, which is part of the name of every symbol. Asked when
# millrace is built and again by who uses it: absl::Status is part of millrace's interface.

# millrace_abseil_of(TARGET RESULT): RESULT is e.g. "20220623 in namespace debian3".
function(millrace_abseil_of target result)
  set(namespace "none")
  get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
  foreach(folder IN LISTS folders)
    set(options "${folder}/absl/base/options.h")
    if(EXISTS "${options}")
      file(STRINGS "${options}" used REGEX "^#define ABSL_OPTION_USE_INLINE_NAMESPACE 1")
      file(STRINGS "${options}" name REGEX "^#define ABSL_OPTION_INLINE_NAMESPACE_NAME ")
      if(used)
        string(REGEX REPLACE "^.* " "" namespace "${name}")
      endif()
      break()
    endif()
  endforeach()
  set(${result} "${absl_VERSION} in namespace ${namespace}" PARENT_SCOPE)
endfunction()
