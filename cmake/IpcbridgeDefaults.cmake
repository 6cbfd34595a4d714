# What holds for every target of ours: language, visibility, build type, sanitizers, ccache.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Everything ends up in modules that export their init symbol and nothing else.
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(IPCBRIDGE_CCACHE ccache)
  mark_as_advanced(IPCBRIDGE_CCACHE)
  if(IPCBRIDGE_CCACHE)
    # Without these it takes nothing from the cache that is compiled with precompiled headers.
    set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${IPCBRIDGE_CCACHE})
  endif()
endif()

if(IPCBRIDGE_SANITIZE)
  add_compile_options(-fsanitize=${IPCBRIDGE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${IPCBRIDGE_SANITIZE})
  # This check opens a pipe to find out what memory can be read, and takes an object for none when no descriptor is left.
  add_compile_options(-fno-sanitize=vptr)
endif()
