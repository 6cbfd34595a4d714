# Which sources and options this platform has: those of cmake/IpcbridgePlatform-<CMAKE_SYSTEM_NAME>.cmake.

set(platform_file ${PROJECT_SOURCE_DIR}/cmake/IpcbridgePlatform-${CMAKE_SYSTEM_NAME}.cmake)
if(NOT EXISTS ${platform_file})
  message(FATAL_ERROR "ipcbridge has not been ported to ${CMAKE_SYSTEM_NAME}: there is no ${platform_file}. "
    "docs/porting.md of the sources lists what a port has to supply.")
endif()
include(${platform_file})

# The sources in these folders, and this platform's own beside them.
function(ipcbridge_sources variable)
  set(sources)
  foreach(folder IN LISTS ARGN)
    foreach(part IN LISTS IPCBRIDGE_PLATFORM_FOLDERS ITEMS .)
      file(GLOB found CONFIGURE_DEPENDS ${folder}/${part}/*.cpp ${folder}/${part}/*.hpp)
      list(APPEND sources ${found})
    endforeach()
  endforeach()
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()
