# Compiles SOURCE and fails unless the compiler refuses it with the text after "EXPECT: " in its
# first line; without such a line, unless it compiles.
file(STRINGS ${SOURCE} first LIMIT_COUNT 1)
execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only -I${INCLUDE} ${SOURCE}
                RESULT_VARIABLE result ERROR_VARIABLE messages OUTPUT_VARIABLE messages)
if(NOT first MATCHES "^// EXPECT: (.*)$")
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "does not compile:\n${messages}")
    endif()
    return()
endif()
set(expected ${CMAKE_MATCH_1})
if(result EQUAL 0)
    message(FATAL_ERROR "compiles, but must not")
endif()
if(NOT messages MATCHES "${expected}")
    message(FATAL_ERROR "no message like '${expected}' in:\n${messages}")
endif()
