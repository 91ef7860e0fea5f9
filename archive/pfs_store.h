// PfsStore: an archive in a branch of a Pachyderm repo, over gRPC.
#pragma once

#include <memory>

#include "archive/pfs_address.h"
#include "archive/store.h"

namespace trunkline {

// Connects when first used. Project, repo and branch are made by the first Put, unless the objects'
// conditions show that an archive was there before; for readers a branch that is not there is
// empty.
//
// Reads are of one PFS commit, the newest that is finished without an error: which one is found out
// by each List, by the first Open, by an Open that finds nothing there, and by own Puts and
// Removes. A source that Open gave keeps reading the PFS commit that it was opened in; so two
// listings may differ, and what one of them shows belongs together.
//
// A Put is one PFS commit, for all objects together. What it guarantees where two writers meet is
// said in pfs_publisher.h. Puts of one store take turns.
std::unique_ptr<Store> NewPfsStore(PfsAddress address, const PfsCredentials& credentials);

}  // namespace trunkline
