# SPDX-License-Identifier: Apache-2.0
# Runs `${PROGRAM} ${ARGUMENT}`, which has a planted bug. The sanitizer must report it, and the program
# must fail. With CLEAN set, runs the program without the bug. It must succeed without a report.
#   cmake -DPROGRAM=... -DARGUMENT=... -DREPORT="..." [-DCLEAN=1] -P expect_report.cmake
execute_process(COMMAND ${PROGRAM} ${ARGUMENT} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE errors
                TIMEOUT 120)
message(STATUS "${PROGRAM} ${ARGUMENT}: exit ${code}\n${output}")
string(FIND "${errors}" "${REPORT}" found)
if(CLEAN)
  if(NOT code EQUAL 0 OR NOT found EQUAL -1)
    message(FATAL_ERROR "without a planted bug it must be clean:\n${errors}")
  endif()
elseif(code EQUAL 0)
  message(FATAL_ERROR "the planted bug was not noticed: it exited 0\n${errors}")
elseif(found EQUAL -1)
  message(FATAL_ERROR "it failed, but without \"${REPORT}\":\n${errors}")
else()
  message(STATUS "found: ${REPORT}")
endif()
