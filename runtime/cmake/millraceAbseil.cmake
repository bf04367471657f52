# SPDX-License-Identifier: Apache-2.0
# Identifies an Abseil: its release and its inline namespace, which is part of the name of every symbol. The build of
# millrace calls this, and so does a program that finds millrace, because absl::Status is part of millrace's interface.

# millrace_abseil_of(TARGET RESULT): sets RESULT to, for example, "20220623 in namespace debian3".
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
