# Compiler settings that hold for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

option(TRUNKLINE_BUILD_TESTS "Build the tests" ON)
option(TRUNKLINE_BUILD_BENCH "Build the benchmarks" OFF)
option(TRUNKLINE_BUILD_FUZZERS "Build the libFuzzer targets (clang only)" OFF)
set(TRUNKLINE_SANITIZE "" CACHE STRING "Value for -fsanitize=, for example address,undefined")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # With these it caches what uses a precompiled header, too, and one checkout serves another.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
endif()

add_library(trunkline_settings INTERFACE)
target_include_directories(trunkline_settings INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(trunkline_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Werror)
# Sources compiled as one see each other's names.
if(CMAKE_UNITY_BUILD)
  target_compile_options(trunkline_settings INTERFACE -Wno-shadow)
endif()
# False positives of g++ 12 on string concatenation (GCC bug 105651).
target_compile_options(trunkline_settings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(TRUNKLINE_SANITIZE)
  target_compile_options(trunkline_settings INTERFACE
    -fsanitize=${TRUNKLINE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(trunkline_settings INTERFACE -fsanitize=${TRUNKLINE_SANITIZE})
endif()

# Sources that describe a command line: their templates are most of what they cost the compiler, and
# they gain nothing from optimization.
function(trunkline_command_line_sources)
  set_source_files_properties(${ARGN} PROPERTIES
    COMPILE_OPTIONS $<IF:$<CONFIG:Release>,-O1,-O0>)
endfunction()
