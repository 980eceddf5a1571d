#pragma once
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "clickhouse/block.hpp"
#include "clickhouse/client.hpp"
#include "destination/destination.hpp"

namespace tributary::destination::clickhouse_target {

/// An INSERT to which blocks are added while the server already works on those before: for a load, whose rows take a while to be read. Which parts they end
/// in is the server's affair.
///
/// Lifetime: destroyed before finish() has returned it breaks the statement off; some of the rows may be there then. Threads: the client's loop, one call at a
/// time. Memory: one block as it goes over the wire.
class Insertion {
 public:
  struct Params {
    std::string text;  ///< INSERT … FORMAT Native
    std::size_t part_bytes = 0;  ///< the server collects so much before it makes a part
    std::chrono::milliseconds timeout{30'000};  ///< of one add() or finish()
  };
  /// `noted` is told once what became of the statement, unless it was broken off.
  Insertion(std::shared_ptr<clickhouse::Client> to, Params params, std::function<void(const std::optional<Failure>&)> noted);
  ~Insertion();
  Insertion(const Insertion&) = delete;
  Insertion& operator=(const Insertion&) = delete;

  /// Takes the rows out of `block`, once the server has taken those before. After a failure nothing can be added.
  asio::awaitable<std::optional<Failure>> add(clickhouse::Block& block, Deadline deadline);
  /// nullopt: the server has acknowledged all that was added.
  asio::awaitable<std::optional<Failure>> finish(Deadline deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tributary::destination::clickhouse_target
