# cmake -DSOURCE=... -DBUILD=... -DCOMPILER=... -DMODE=subdirectory|install -P run.cmake
# Configures, builds and runs the consumer beside this script, in a folder of its own.
set(folder ${BUILD}/package/${MODE})
file(REMOVE_RECURSE ${folder})
set(arguments -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_STANDARD=20
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})

function(run)
    execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

if(MODE STREQUAL "install")
    run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${folder}/prefix)
    list(APPEND arguments -DCMAKE_PREFIX_PATH=${folder}/prefix)
    foreach(file bin/pinyon share/man/man1/pinyon.1 share/bash-completion/completions/pinyon)
        if(NOT EXISTS ${folder}/prefix/${file})
            message(FATAL_ERROR "not installed: ${file}")
        endif()
    endforeach()
else()
    list(APPEND arguments -DPINYON_SOURCE=${SOURCE})
endif()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${folder}/build ${arguments})
run(${CMAKE_COMMAND} --build ${folder}/build --target consumer -j 2)
run(${folder}/build/consumer)
