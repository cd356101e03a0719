# Installs everything to a fresh folder, looks at what is there, moves it, and runs it from the new
# place: nothing may depend on where it was built or installed.
#   cmake -DBUILD=<build folder> -DSOURCE=<project> -DWORK=<scratch folder> -P layout.cmake
function(run result)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY / RESULT_VARIABLE code OUTPUT_VARIABLE out
    ERROR_VARIABLE out)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${code}:\n${out}")
  endif()
  set(${result} "${out}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(ignored ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
file(RENAME ${WORK}/first ${WORK}/moved)

set(wanted
  "^bin/serval$"
  "^lib/serval/plugins/llm\\.so$"
  "^lib/cmake/serval/"
  "^include/serval/.+\\.hp?p?$"
  "^share/doc/serval/(LICENSE|README\\.md|CHANGELOG\\.md|docs/.+\\.md)$")
file(GLOB_RECURSE files RELATIVE ${WORK}/moved ${WORK}/moved/*)
foreach(pattern ${wanted})
  set(matching ${files})
  list(FILTER matching INCLUDE REGEX "${pattern}")
  if(NOT matching)
    message(FATAL_ERROR "no file of the installation is ${pattern}")
  endif()
  list(FILTER files EXCLUDE REGEX "${pattern}")
endforeach()
# Plugins may be added; whatever else is there was not meant to be.
list(FILTER files EXCLUDE REGEX "^lib/serval/plugins/[a-z]+\\.so$")
if(files)
  message(FATAL_ERROR "installed, but belongs nowhere: ${files}")
endif()

run(version ${WORK}/moved/bin/serval version)
run(plugins ${WORK}/moved/bin/serval plugins)
if(NOT plugins MATCHES "org\\.serval\\.llm +[0-9.]+ .*${WORK}/moved/lib/serval/plugins/llm\\.so")
  message(FATAL_ERROR "the installed server does not find its plugin:\n${plugins}")
endif()
run(checked ${WORK}/moved/bin/serval check ${WORK}/moved/lib/serval/plugins/llm.so
  --filter "^load.(one_symbol|note_matches_entry|tables|unmapped)")
if(NOT checked MATCHES "0 failed, 0 skipped")
  message(FATAL_ERROR "${checked}")
endif()
