#pragma once
#include <boost/asio/posix/stream_descriptor.hpp>

#include <memory>
#include <optional>
#include <string>

#include "clickhouse/embedded/detail/http.hpp"
#include "clickhouse/embedded/detail/running_statement.hpp"
#include "clickhouse/embedded/statement.hpp"

namespace tributary::clickhouse::embedded {

/// One request and its answer. Threads: the server's loop.
class Exchange {
 public:
  Exchange(Server::State& server, Peer& peer, beast::flat_buffer& buffer, Parser& parser);

  /// Whether the connection can take another request. Throws boost::system::system_error where the peer is gone. Whatever it throws, its statement has ended.
  asio::awaitable<bool> run();

 private:
  asio::awaitable<void> answer();
  asio::awaitable<bool> read_text();
  asio::awaitable<void> tell_time();
  asio::awaitable<Role> sign_in();
  asio::awaitable<void> identify();
  asio::awaitable<void> drain();
  Deadline patience() const;
  asio::awaitable<void> execute();
  asio::awaitable<void> select(const Statement& statement);
  asio::awaitable<void> insert(const Statement& statement);
  asio::awaitable<void> other(const Statement& statement);
  asio::awaitable<void> pass_on(asio::posix::stream_descriptor& source);
  asio::awaitable<bool> feed(asio::posix::stream_descriptor& sink, std::string_view first);
  asio::awaitable<void> conclude(Outcome outcome);
  Outcome prepare(Session& session) const;
  std::optional<EngineError> said(const Outcome& outcome) const;
  /// From now on, `statement_` is killed when the client closes its connection. REQUIRES: the body was read to its end.
  void watch();
  void unwatch();

  Server::State& server_;
  Peer& peer_;
  std::optional<EngineFailure> refusal_;  ///< found while reading the head: it stands before `query_`, whose reading fills it
  Query query_;
  Body body_;
  Reply reply_;
  const bool read_only_;  ///< a GET
  std::string text_;  ///< the statement, or enough of its beginning
  std::string comment_;  ///< the statement's log_comment
  Assignments settings_;  ///< of its session
  bool tenant_ = false;
  RunningStatement statement_;
  std::shared_ptr<bool> watched_;  ///< false: the watcher must not touch this any more
};

}  // namespace tributary::clickhouse::embedded
