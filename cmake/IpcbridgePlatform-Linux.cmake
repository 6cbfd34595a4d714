# What Linux has of its own. Every platform has a file like this one: docs/porting.md.

# In each layer of the core and in each binding, the folders with this platform's sources.
set(IPCBRIDGE_PLATFORM_FOLDERS posix linux)

# The folder in js/native has two of Node's own words, and the C library, which the loader tells apart on Linux alone.
include(CheckCXXSymbolExists)
check_cxx_symbol_exists(__GLIBC__ features.h IPCBRIDGE_HAS_GLIBC)
set(IPCBRIDGE_NODE_PLATFORM linux)
if(IPCBRIDGE_HAS_GLIBC)
  set(IPCBRIDGE_NODE_LIBC -glibc)
else()
  set(IPCBRIDGE_NODE_LIBC -musl)
endif()

# An indirect call through the GOT is one jump cheaper than through the PLT.
set(IPCBRIDGE_PLATFORM_COMPILE_OPTIONS -fno-plt)

include(CheckLinkerFlag)
check_linker_flag(CXX -Wl,--exclude-libs,ALL IPCBRIDGE_CAN_EXCLUDE_LIBS)  # zig's linker does not know it

# A module that is loaded into somebody else's process: it exports the symbols of `exports` (a version
# script), binds its own symbols to itself, and is never unmapped, because its threads and atfork handlers
# may outlive a dlclose.
function(ipcbridge_loadable_module target exports)
  target_link_options(${target} PRIVATE
    -Wl,-Bsymbolic -Wl,-z,nodelete -Wl,-z,relro,-z,now
    -Wl,--version-script=${exports}
    $<$<BOOL:${IPCBRIDGE_CAN_EXCLUDE_LIBS}>:-Wl,--exclude-libs,ALL>)
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${exports})
endfunction()
