# serval_add_plugin(NAME SOURCES file... [LIBS target...] [CPU feature...])
#
# One Serval plugin, NAME.so, that exports its entry and nothing else, binds all its symbols when it is
# loaded, and can be unloaded again. Used by this project and, through find_package(serval), by others.
#
#   LIBS  targets to link; link them statically, a plugin brings all it needs
#   CPU   features without which the host must not load it, as: CPU avx2 fma. For code compiled with
#         -m flags throughout; not needed where the plugin asks the CPU before it uses a feature
#
# SERVAL_PLUGIN_OUTPUT_DIRECTORY  where NAME.so goes; default: the build folder
# SERVAL_PLUGIN_INSTALL           OFF: `cmake --install` leaves it out; default: lib/serval/plugins
function(serval_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS;CPU")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "serval_add_plugin(${name}): want SOURCES, and no '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  add_library(${name} MODULE ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE serval::plugin_api ${arg_LIBS})
  set_target_properties(${name} PROPERTIES
    PREFIX ""
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON)
  if(SERVAL_PLUGIN_OUTPUT_DIRECTORY)
    set_target_properties(${name} PROPERTIES
      LIBRARY_OUTPUT_DIRECTORY ${SERVAL_PLUGIN_OUTPUT_DIRECTORY})
  endif()
  if(arg_CPU)
    list(JOIN arg_CPU "," cpu)
    target_compile_definitions(${name} PRIVATE SERVAL_PLUGIN_CPU="${cpu}")
  endif()

  # A symbol that is unique in the process keeps the file mapped after dlclose.
  target_compile_options(${name} PRIVATE
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  target_link_options(${name} PRIVATE
    -Wl,-z,now -Wl,--exclude-libs,ALL
    -Wl,--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/serval_plugin.map)
  set_property(TARGET ${name} APPEND PROPERTY
    LINK_DEPENDS ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/serval_plugin.map)
  # Sanitizer runtimes are found in the program, so under them symbols may stay open.
  if(NOT SERVAL_SANITIZE AND
     NOT "${CMAKE_CXX_FLAGS} ${CMAKE_MODULE_LINKER_FLAGS}" MATCHES "-fsanitize")
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()

  if(NOT DEFINED SERVAL_PLUGIN_INSTALL OR SERVAL_PLUGIN_INSTALL)
    install(TARGETS ${name} LIBRARY DESTINATION lib/serval/plugins)
  endif()
endfunction()
