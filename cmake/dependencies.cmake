# Every dependency is a Debian 12 package; nothing is downloaded.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(pugixml REQUIRED)
find_package(spdlog REQUIRED)
find_package(tl-expected REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(ROCKSDB REQUIRED IMPORTED_TARGET rocksdb)
find_library(GRPCPP_LIBRARY grpc++ REQUIRED)
find_library(GRPC_LIBRARY grpc REQUIRED)
find_library(GPR_LIBRARY gpr REQUIRED)
find_library(ABSL_SYNCHRONIZATION_LIBRARY absl_synchronization REQUIRED)  # of gRPC's headers
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
pkg_check_modules(GRPC_STATIC REQUIRED grpc++)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)
if(TRUNKLINE_BUILD_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
endif()

# Most of what a program's start costs is binding the symbols of gRPC, Protobuf and RocksDB. One with the
# property TRUNKLINE_LINKS_IN has these in it, and starts in half of the time; others share them.
function(trunkline_archives variable)
  set(found "")
  foreach(name IN LISTS ARGN)
    find_library(archive lib${name}.a REQUIRED NO_CACHE)
    list(APPEND found ${archive})
    unset(archive)
  endforeach()
  list(JOIN found "," found)
  set(${variable} "$<LINK_GROUP:RESCAN,${found}>" PARENT_SCOPE)
endfunction()

function(trunkline_linked_in name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SHARED;ARCHIVES;NEEDS")
  trunkline_archives(archives ${arg_ARCHIVES})
  add_library(${name}_shared INTERFACE)
  target_link_libraries(${name}_shared INTERFACE ${arg_SHARED})
  add_library(${name}_archives INTERFACE)
  target_link_libraries(${name}_archives INTERFACE ${archives} ${arg_NEEDS})
  add_library(${name} INTERFACE)
  target_link_libraries(${name} INTERFACE
    $<IF:$<BOOL:$<TARGET_PROPERTY:TRUNKLINE_LINKS_IN>>,${name}_archives,${name}_shared>)
endfunction()

set(rpc_archives ${GRPC_STATIC_STATIC_LIBRARIES})
list(REMOVE_DUPLICATES rpc_archives)
list(REMOVE_ITEM rpc_archives atomic crypto dl m pthread rt ssl z)
trunkline_linked_in(trunkline_rpc
  SHARED protobuf::libprotobuf ${GRPCPP_LIBRARY} ${GRPC_LIBRARY} ${GPR_LIBRARY} ${ABSL_SYNCHRONIZATION_LIBRARY}
  ARCHIVES ${rpc_archives} protobuf
  NEEDS OpenSSL::SSL OpenSSL::Crypto z Threads::Threads)
trunkline_linked_in(trunkline_rocksdb
  SHARED PkgConfig::ROCKSDB
  ARCHIVES rocksdb
  NEEDS gflags snappy z bz2 lz4 zstd)
