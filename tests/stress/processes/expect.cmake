# SPDX-License-Identifier: Apache-2.0
# Runs PROGRAM with ARGUMENTS. Requires a failure that reports EXPECTED.
separate_arguments(ARGUMENTS)
execute_process(COMMAND ${PROGRAM} ${ARGUMENTS} RESULT_VARIABLE code OUTPUT_VARIABLE said ERROR_VARIABLE said)
message("${said}")
if(NOT code EQUAL 1)
  message(FATAL_ERROR "exit code ${code}, expected 1")
endif()
if(NOT said MATCHES "VIOLATION: [^\n]*${EXPECTED}")
  message(FATAL_ERROR "no violation \"${EXPECTED}\"")
endif()
