#include "base/fair_turnstile.hpp"

#include <utility>

namespace tributary {

FairTurnstile::FairTurnstile(asio::any_io_executor executor, std::size_t places, std::size_t places_of_key)
    : executor_(executor), places_of_key_(places_of_key), common_(std::move(executor), places) {}

std::shared_ptr<Turnstile> FairTurnstile::of(const std::string& key) {
  const auto found = by_key_.find(key);
  auto turnstile = found == by_key_.end() ? nullptr : found->second.lock();
  if (turnstile) return turnstile;
  std::erase_if(by_key_, [](const auto& each) { return each.second.expired(); });
  turnstile = std::make_shared<Turnstile>(executor_, places_of_key_);
  by_key_[key] = turnstile;
  return turnstile;
}

asio::awaitable<std::optional<FairTurnstile::Place>> FairTurnstile::enter(std::string key, Deadline deadline) {
  auto of_key = of(key);
  auto own = co_await of_key->enter(deadline);
  if (!own) co_return std::nullopt;
  auto common = co_await common_.enter(deadline);
  if (!common) co_return std::nullopt;
  co_return Place(std::move(of_key), std::move(*own), std::move(*common));
}

}  // namespace tributary
