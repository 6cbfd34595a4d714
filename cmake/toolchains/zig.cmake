# Builds what is released, for any machine on any machine: zig is a clang with the C libraries of many platforms, each in its
# old versions, and a C++ library that is linked into the module. IPCBRIDGE_TARGET says for which platform, in zig's words.
set(IPCBRIDGE_TARGET x86_64-linux-gnu.2.28 CACHE STRING "The platform, and the oldest version of glibc that will do")
set(IPCBRIDGE_ZIG zig CACHE STRING "The command")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES IPCBRIDGE_TARGET IPCBRIDGE_ZIG)

set(CMAKE_SYSTEM_NAME Linux)
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR ${IPCBRIDGE_TARGET})

# ccache and CMake's tests want a program, not a program and its first argument.
set(tools ${CMAKE_BINARY_DIR}/zig)
function(make_tool name command)
  # Another time than the first it stays as old as it is, unless it is to be another.
  file(CONFIGURE OUTPUT ${tools}/${name} CONTENT "#!/bin/sh\nexec ${IPCBRIDGE_ZIG} ${command} \"$@\"\n")
  file(CHMOD ${tools}/${name} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endfunction()
make_tool(c++ "c++ -target ${IPCBRIDGE_TARGET}")
make_tool(ar ar)
make_tool(ranlib ranlib)
set(CMAKE_CXX_COMPILER ${tools}/c++)
set(CMAKE_AR ${tools}/ar)
set(CMAKE_RANLIB ${tools}/ranlib)

# Its C++ library is compiled once for each level of optimisation: what CMake tries out needs no other.
set(CMAKE_TRY_COMPILE_CONFIGURATION Release)
# Whole, since CMake appends -O3 to an _INIT of it.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g0 -DNDEBUG" CACHE STRING "Flags of the build type Release")
set(CMAKE_MODULE_LINKER_FLAGS_INIT -s)
# Whatever the folder: two builds give the same bytes.
set(CMAKE_CXX_FLAGS_INIT "-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.")

# Its C++ library and unwinder are linked in. glibc's pthread_exit unwinds with libgcc_s instead: forced_unwinding.cpp. musl's
# unwinds nothing.
string(FIND ${IPCBRIDGE_TARGET} gnu gnu)
if(NOT gnu EQUAL -1)
  set(IPCBRIDGE_BUNDLES_UNWINDER ON)
endif()
