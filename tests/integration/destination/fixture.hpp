#pragma once
#include <gtest/gtest.h>

#include "base/event.hpp"
#include "destination/postgres/destination.hpp"
#include "postgres/copy.hpp"
#include "support/database.hpp"
#include "support/source.hpp"

namespace tributary::destination {

using test::run;

/// A customer's database and the destination over it, with batches made of SQL.
class DestinationTest : public ::testing::Test {
 protected:
  DestinationTest() : session_(database_.session()) {
    mappings_ = test::builtin_mappings();
    for (const auto& mapping : mappings_) pointers_.push_back(&mapping);
  }

  const mapping::Mapping& mapping(std::string_view name) const {
    for (const auto& one : mappings_) {
      if (one.name == name) return one;
    }
    throw std::out_of_range(std::string(name));
  }

  /// For use inside run(): a destination belongs to a loop.
  asio::awaitable<std::shared_ptr<Destination>> open(postgres_target::Owner owner) {
    const auto executor = co_await asio::this_coro::executor;
    co_return postgres_target::make_destination(executor, database_.options(), owner, {});
  }
  asio::awaitable<std::shared_ptr<Destination>> open() { return open(owner_); }

  /// Position of one mapping; fails the test where there is none.
  asio::awaitable<Position> position(Destination& target, std::string_view name) {
    const mapping::Mapping* const one[] = {&mapping(name)};
    const auto positions = co_await target.positions(one, deadline());
    if (positions.failure) throw std::runtime_error(positions.failure->message);
    if (const auto* failure = std::get_if<Failure>(&positions.of_mappings.at(0))) throw std::runtime_error(failure->message);
    co_return std::get<Position>(positions.of_mappings.at(0));
  }

  /// Tuples as fetch_sql would deliver them, from a SELECT run in the same server.
  asio::awaitable<postgres::CopyBatch> tuples(std::string select) {
    auto connection = co_await postgres::Connection::open(database_.options(), deadline());
    auto reader = co_await postgres::CopyReader::start(connection, "COPY (" + select + ") TO STDOUT (FORMAT binary)", deadline());
    postgres::CopyBatch all;
    postgres::CopyBatch chunk;
    while (co_await reader.read(chunk, 1 << 20, deadline())) {
      for (std::size_t i = 0; i < chunk.rows(); ++i) all.append_row(chunk.row(i));
    }
    co_return all;
  }

  /// SELECT of teams with numbers `first` to `last`; the number is the sequence id, too.
  static std::string teams(int first, int last, std::string_view name = "team") {
    return "SELECT i::bigint, false, ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, '" + std::string(name) +
           " ' || i, NULL::text, 'epoch'::timestamp, '{}'::jsonb, '{}'::jsonb, '{}'::jsonb FROM generate_series(" +
           std::to_string(first) + ", " + std::to_string(last) + ") AS i";
  }
  static std::string gone_team(int number, int sequence_id) {
    return "SELECT " + std::to_string(sequence_id) + "::bigint, true, ('00000000-0000-4000-8000-' || lpad('" +
           std::to_string(number) +
           "', 12, '0'))::uuid, NULL::text, NULL::text, 'epoch'::timestamp, NULL::jsonb, NULL::jsonb, NULL::jsonb";
  }

  asio::awaitable<Batch> batch(std::string_view name, Position position, std::int64_t through, std::string select) {
    auto changes = std::make_shared<Changes>();
    changes->mapping = &mapping(name);
    changes->after = position.watermark;
    changes->through = through;
    changes->rows = co_await tuples(std::move(select));
    co_return Batch{.changes = std::move(changes), .position = position};
  }
  asio::awaitable<Outcome> apply(Destination& target, Batch one) {
    const Batch* const batches[] = {&one};
    co_return co_await target.apply(batches, deadline());
  }
  asio::awaitable<Outcome> load(Destination& target, std::string_view name, Position position, std::int64_t through,
                                std::string select, bool caught_up) {
    auto loading = co_await target.load(mapping(name), position, deadline());
    if (!loading.load) co_return loading.outcome;
    const auto rows = co_await tuples(std::move(select));
    if (auto failure = co_await loading.load->write(rows, deadline())) co_return std::move(*failure);
    co_return co_await loading.load->commit(through, std::nullopt, caught_up, deadline());
  }

  static Deadline deadline() { return Deadline::after(std::chrono::seconds(20)); }

  test::Database database_{"customer"};
  test::Session session_;
  std::vector<mapping::Mapping> mappings_;
  std::vector<const mapping::Mapping*> pointers_;
  const postgres_target::Owner owner_{.installation = Uuid::random(), .tenancy = Uuid::random()};
};

}  // namespace tributary::destination
