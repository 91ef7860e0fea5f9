#include "tests/unit/stores/pfs_place.h"

namespace trunkline {
namespace {

INSTANTIATE_TEST_SUITE_P(Pfs, StoreConformance,
                         testing::Values(StoreKind{
                             "pfs", [] { return std::make_unique<test::PfsPlace>(); }}),
                         StoreKindName);

}  // namespace
}  // namespace trunkline
