# Helpers that targets opt into, so that foreign code (pybind11, GoogleTest) is never held to our warnings.

function(ipcbridge_target_options target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast -Wcast-qual
    -Wcast-align -Wformat=2 -Wnon-virtual-dtor -Woverloaded-virtual -Wundef -Wvla
    -Wimplicit-fallthrough
    ${IPCBRIDGE_PLATFORM_COMPILE_OPTIONS}
    $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wlogical-op>
    # GCC 12 warns about its own std::string (GCC bug 105651).
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
    # Unique symbols are process-wide: two modules would share our statics and none could be unloaded.
    $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>
    $<$<BOOL:${IPCBRIDGE_WERROR}>:-Werror>)
endfunction()

# Headers that nearly every source of the target reads. Where they are precompiled, GCC 12 warns about its own std::string as if it
# were code of ours. The preset clang precompiles none, so that clang-tidy sees which includes a source lacks.
function(ipcbridge_precompile_headers target)
  if(NOT (CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13))
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# A part with libraries of its own, opened when it is used (core/base/module.hpp), in the folder `modules` beside the binary.
function(ipcbridge_shared_module name)
  add_library(${name} MODULE ${ARGN})
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX .so LINKER_LANGUAGE CXX)
  ipcbridge_target_options(${name})
  ipcbridge_loadable_module(${name} ${PROJECT_SOURCE_DIR}/cmake/module_exports.map)
endfunction()

# What the packages bring beside their binaries. Call it before the bindings are added, which install it.
add_custom_target(ipcbridge_modules)
function(ipcbridge_ship_module name)
  add_dependencies(ipcbridge_modules ${name})
  set_property(GLOBAL APPEND PROPERTY IPCBRIDGE_SHIPPED_MODULES ${name})
endfunction()

function(ipcbridge_install_with_modules binary component folder)
  get_property(modules GLOBAL PROPERTY IPCBRIDGE_SHIPPED_MODULES)
  install(TARGETS ${binary} COMPONENT ${component} LIBRARY DESTINATION ${folder})
  foreach(module IN LISTS modules)
    install(TARGETS ${module} COMPONENT ${component} LIBRARY DESTINATION ${folder}/modules)
  endforeach()
endfunction()
