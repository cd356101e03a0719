# Installs headers, SDK and CMake package to a fresh folder, builds the echo example outside the tree
# against them, as a third party would, and runs the conformance kit on it.
#   cmake -DBUILD=<build folder> -DSOURCE=<project> -DCHECK=<serval-check> -DWORK=<scratch folder>
#         -DCXX=<compiler> -P installed_package.cmake
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT code EQUAL 0)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\nended with ${code}:\n${out}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix --component sdk)
foreach(file include/serval/plugin.h include/serval/ext/schema.h include/serval/sdk.hpp
             include/serval/sdk/task.hpp lib/cmake/serval/serval-config.cmake
             lib/cmake/serval/serval-config-version.cmake lib/cmake/serval/ServalPlugin.cmake)
  if(NOT EXISTS ${WORK}/prefix/${file})
    message(FATAL_ERROR "${file} is not installed")
  endif()
endforeach()
file(GLOB_RECURSE installed ${WORK}/prefix/*.cmake)
foreach(file ${installed})
  file(STRINGS ${file} leaks REGEX "${SOURCE}")
  if(leaks)
    message(FATAL_ERROR "${file} names the source folder: ${leaks}")
  endif()
endforeach()

file(COPY ${SOURCE}/examples/echo-plugin DESTINATION ${WORK})
run(${CMAKE_COMMAND} -S ${WORK}/echo-plugin -B ${WORK}/build -DCMAKE_BUILD_TYPE=Debug
    -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${CMAKE_COMMAND} --install ${WORK}/build --prefix ${WORK}/prefix)
run(${CHECK} ${WORK}/prefix/lib/serval/plugins/echo.so --only-failed)
