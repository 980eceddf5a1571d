#pragma once
#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "base/uuid.hpp"
#include "mapping/mapping.hpp"
#include "verify/mender.hpp"

namespace tributary::verify {

/// Removes tombstones that every destination of their tenancy has applied, once they are old enough, in small batches; what was removed is on record, so that a
/// destination which comes back from before that is compared with the source. Tombstones of quarantined keys are kept.
///
/// A destination that cannot be reached holds its tenancy's tombstones back, but not for ever (CollectionParams). One that is known to fail is not asked.
/// Lifetime: `params` and `mappings` outlive it. Threads: one loop. Errors: the source's postgres::Error; what destinations do only holds back.
class Collector {
 public:
  Collector(const MenderParams& params, const std::vector<mapping::Mapping>& mappings) : params_(params), mappings_(mappings) {}

  /// Looks at some of the tenancies that have old tombstones, and next time at those behind them. Returns how many tombstones were removed.
  asio::awaitable<std::int64_t> pass(postgres::Connection& source, std::stop_token stop);

 private:
  struct Candidate {
    Uuid tenancy;
    std::string table;
  };
  asio::awaitable<std::int64_t> collect(postgres::Connection& source, std::span<const Candidate> of_tenancy,
                                        std::stop_token stop);
  asio::awaitable<std::int64_t> collect(postgres::Connection& source, const Candidate& candidate, std::int64_t through,
                                        std::stop_token stop);
  std::vector<mapping::Mapping> mappings_of(const std::string& table) const;

  const MenderParams& params_;
  const std::vector<mapping::Mapping>& mappings_;
  Uuid after_;
};

}  // namespace tributary::verify
