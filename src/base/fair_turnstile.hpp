#pragma once
#include <map>
#include <memory>
#include <string>

#include "base/turnstile.hpp"

namespace tributary {

/// A Turnstile for many that must not keep each other out.
///
/// Of one key so many are inside at most, or stand in the common queue: whoever else comes waits behind so many of each key, however many more of them want in.
/// Lifetime, threads: those of a Turnstile.
class FairTurnstile {
 public:
  /// A place inside, left at the end.
  class Place {
   public:
    Place(std::shared_ptr<Turnstile> of_key, Turnstile::Place own, Turnstile::Place common)
        : of_key_(std::move(of_key)), own_(std::move(own)), common_(std::move(common)) {}

   private:
    std::shared_ptr<Turnstile> of_key_;
    Turnstile::Place own_;
    Turnstile::Place common_;
  };

  FairTurnstile(asio::any_io_executor executor, std::size_t places, std::size_t places_of_key);

  /// nullopt when no place became free in time, or the coroutine was cancelled.
  asio::awaitable<std::optional<Place>> enter(std::string key, Deadline deadline);

 private:
  std::shared_ptr<Turnstile> of(const std::string& key);

  const asio::any_io_executor executor_;
  const std::size_t places_of_key_;
  Turnstile common_;
  std::map<std::string, std::weak_ptr<Turnstile>> by_key_;  ///< of those that somebody is at
};

}  // namespace tributary
