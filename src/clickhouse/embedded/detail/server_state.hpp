#pragma once
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include <algorithm>
#include <list>
#include <set>

#include "base/event.hpp"
#include "base/fair_turnstile.hpp"
#include "clickhouse/embedded/query_times.hpp"
#include "clickhouse/embedded/server.hpp"

namespace tributary::clickhouse::embedded {

class Peer;
class RunningStatement;

/// What the connections of a server share. Belongs to its loop.
struct Server::State {
  State(asio::ip::tcp::acceptor listening, Engine& its_engine, std::optional<TenantRules> its_rules, ServerParams its_params)
      : acceptor(std::move(listening)),
        engine(its_engine),
        rules(std::move(its_rules)),
        params(std::move(its_params)),
        admin_places(acceptor.get_executor(), params.admin_queries, params.admin_queries),
        tenant_places(acceptor.get_executor(), params.tenant_queries, params.queries_of_project()),
        admin_connections(acceptor.get_executor(), std::max(params.most_connections, 2 * params.admin_queries)),
        tenant_connections(acceptor.get_executor(), params.most_connections),
        one_ended(acceptor.get_executor()),
        threads(params.admin_queries + params.tenant_queries) {}

  FairTurnstile& places(Role role) { return role == Role::admin ? admin_places : tenant_places; }
  Turnstile& connections(Role role) { return role == Role::admin ? admin_connections : tenant_connections; }

  asio::ip::tcp::acceptor acceptor;
  Engine& engine;
  const std::optional<TenantRules> rules;
  const ServerParams params;
  FairTurnstile admin_places;
  FairTurnstile tenant_places;  ///< by project
  Turnstile admin_connections;  ///< of those who have signed in
  Turnstile tenant_connections;
  std::list<Peer*> strangers;   ///< the others, the oldest first
  Event one_ended;              ///< a connection
  asio::thread_pool threads;    ///< one for each place: a statement has its thread at once
  asio::thread_pool control{1};  ///< for KILL, which must not wait behind what it kills
  std::set<boost::beast::tcp_stream*> idle;  ///< connections between two requests
  std::set<RunningStatement*> statements;    ///< under way
  CpuShares cpu;
  QueryTimes times{10'000};  ///< of tenants' queries
  std::size_t open = 0;                      ///< connections
  bool stopping = false;
};

}  // namespace tributary::clickhouse::embedded
