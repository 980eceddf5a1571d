#include <gtest/gtest.h>

#include "cli/server.hpp"

namespace tributary::cli {
namespace {

// The defaults stand twice, in Settings for the reference page and in each module's Params for who uses the module alone.
TEST(ServerParams, OfDefaultSettingsAreTheModulesOwnDefaults) {
  settings::Settings settings;
  settings.source.url = "postgresql://me@there/app";
  const auto params = ServerParams::from(settings);

  const sequencer::Params sequencer;
  EXPECT_EQ(params.sequencer.rows_per_batch, sequencer.rows_per_batch);
  EXPECT_EQ(params.sequencer.rows_per_tenancy, sequencer.rows_per_tenancy);
  EXPECT_EQ(params.sequencer.parallel_shards, sequencer.parallel_shards);
  EXPECT_EQ(params.sequencer.longest_pause, sequencer.longest_pause);
  EXPECT_EQ(params.sequencer.passes_before_waiting, sequencer.passes_before_waiting);
  EXPECT_EQ(params.sequencer.lock_timeout, sequencer.lock_timeout);

  const queue::PollerParams queue;
  EXPECT_EQ(params.queue.lease, queue.lease);
  EXPECT_EQ(params.queue.max_claims, queue.max_claims);
  EXPECT_EQ(params.queue.longest_pause, queue.longest_pause);
  EXPECT_EQ(params.queue.revive_every, queue.revive_every);

  const sync::Params sync;
  EXPECT_EQ(params.sync.small_rows, sync.small_rows);
  EXPECT_EQ(params.sync.load_rows, sync.load_rows);
  EXPECT_EQ(params.sync.load_chunk_bytes, sync.load_chunk_bytes);
  EXPECT_EQ(params.sync.load_time, sync.load_time);
  EXPECT_EQ(params.sync.parallel_loads, sync.parallel_loads);
  EXPECT_EQ(params.sync.patience, sync.patience);
  EXPECT_EQ(params.sync.source_timeout, sync.source_timeout);
  EXPECT_EQ(params.sync.apply_timeout, sync.apply_timeout);
  EXPECT_EQ(params.sync.retry.first, sync.retry.first);
  EXPECT_EQ(params.sync.retry.longest, sync.retry.longest);
  EXPECT_EQ(params.sync.most_refused_rows, sync.most_refused_rows);
  EXPECT_EQ(params.sync.destination.connect_timeout, sync.destination.connect_timeout);
  EXPECT_EQ(params.sync.destination.max_connections, sync.destination.max_connections);
  EXPECT_EQ(params.sync.destination.idle_timeout, sync.destination.idle_timeout);
}

TEST(ServerParams, CarryWhatWasSet) {
  settings::Settings settings;
  settings.source.url = "host=there dbname=app";
  settings.source.pool = 9;
  settings.threads = 3;
  settings.sync.load_rows = 7;
  settings.queue.max_claims = 5;
  const auto params = ServerParams::from(settings);
  EXPECT_EQ(params.source.keywords.at("host"), "there");
  EXPECT_EQ(params.source_pool.max_connections, 9U);
  EXPECT_EQ(params.threads, 3);
  EXPECT_EQ(params.sync.load_rows, 7);
  EXPECT_EQ(params.queue.max_claims, 5);
}

}  // namespace
}  // namespace tributary::cli
