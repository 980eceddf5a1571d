#include "clickhouse/embedded/detail/peer.hpp"

namespace tributary::clickhouse::embedded {

Peer::Peer(Server::State& server, asio::ip::tcp::socket socket)
    : server_(server), stream_(std::move(socket)), until_(Deadline::after(server.params.stranger_time)) {
  auto& strangers = server_.strangers;
  entry_ = strangers.insert(strangers.end(), this);
  if (strangers.size() <= server_.params.most_strangers) return;
  auto* const oldest = strangers.front();
  oldest->forget();
  oldest->stream_.close();  // whatever it waits for fails
}

Peer::~Peer() { forget(); }

void Peer::forget() {
  if (entry_) server_.strangers.erase(*entry_);
  entry_.reset();
}

asio::awaitable<void> Peer::sign_in(Role role) {
  if (place_ && role_ == role) co_return;
  forget();
  place_.reset();
  role_ = role;
  place_.emplace(*co_await server_.connections(role).enter(Deadline::never()));
}

void Peer::expires_after(std::chrono::milliseconds time) {
  stream_.expires_at((is_stranger() ? until_ : Deadline::never()).capped(time).when());
}

}  // namespace tributary::clickhouse::embedded
