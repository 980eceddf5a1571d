#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "queue/pause.hpp"

/// Mappings of destinations that are to be compared with the source and mended: asked for by an operator (`resync`), or found to need it. All throw postgres::Error.
namespace tributary::queue {

/// One that is to be done.
struct Mend {
  DestinationName destination;
  std::string mapping;
  bool reads_everything = false;  ///< first the watermark goes back to the beginning, under a new generation
  bool begun = false;  ///< that is done
  std::string project;
  std::string branch;
  std::string connection_string;  ///< as it is stored; empty for ClickHouse
  std::string requested_at;  ///< as the source writes it: which request
  int attempts = 0;  ///< that failed in a row
  std::string due_since;  ///< as the source writes it: changed by whoever wants it tried at once
};

/// Asks for these mappings of each destination, all to be read from the beginning; for those that are open already, too. Returns how many. Durable, whatever the
/// session's synchronous_commit.
asio::awaitable<std::uint64_t> request_resync(postgres::Connection& connection, std::span<const DestinationName> destinations,
                                              std::vector<std::string> mappings, Deadline deadline);

/// Why a mapping of a destination may not be what its watermark says.
enum class Doubt {
  late,  ///< rows came after it may have been compared
  ahead,  ///< it has seen what the source has forgotten, or may have
  missed,  ///< it may have missed tombstones: where those are gone that it has not passed
  adopted,  ///< it has rows, and nobody has ever applied anything there, or nobody remembers what happened there
};
struct Suspect {
  std::string mapping;
  std::string table;  ///< of the source
  std::int64_t watermark = -1;
  Doubt doubt = Doubt::missed;
};
/// Asks for those that have seen what the source has forgotten, unless they were compared where they stand since it forgot that; that have missed tombstones which are gone;
/// and that had rows when they were first met, unless they were compared before. Returns how many. Durable, whatever the session's synchronous_commit: what is applied next
/// may move the watermark that has told it.
asio::awaitable<std::uint64_t> request_mends(postgres::Connection& connection, const DestinationName& destination,
                                             std::span<const Suspect> suspects, Deadline deadline);

/// A destination that was added then (Claim::added) was reached, and what is doubted of it was asked for.
asio::awaitable<void> note_reached(postgres::Connection& connection, const DestinationName& destination, std::string added_at,
                                   Deadline deadline);

/// The highest id that the source has jumped to; -1: it never did. One that has failed over and not yet noticed does so now.
asio::awaitable<std::int64_t> last_jump(postgres::Connection& connection, Deadline deadline);
/// The tenancy of a project and branch that is synced.
asio::awaitable<std::optional<Uuid>> tenancy_at(postgres::Connection& connection, std::string project, std::string branch,
                                                Deadline deadline);

/// Those of these mappings that are due: who has waited longest first; not of paused destinations. What is open for a destination or a tenancy that is gone is forgotten.
asio::awaitable<std::vector<Mend>> open_mends(postgres::Connection& connection, std::vector<std::string> mappings,
                                              std::int64_t limit, Deadline deadline);
asio::awaitable<void> note_begun(postgres::Connection& connection, const Mend& mend, Deadline deadline);
/// Unless it was asked for anew since it began.
asio::awaitable<void> finish_mend(postgres::Connection& connection, const Mend& mend, std::int64_t differences,
                                  Deadline deadline);
/// It could not be done now, and lets others go first: unless somebody has wanted it tried at once meanwhile.
struct Postponement {
  std::chrono::milliseconds delay{0};
  int attempts = 0;  ///< that failed in a row, this one among them
  std::string error;  ///< empty: it only has to wait
};
asio::awaitable<void> postpone_mend(postgres::Connection& connection, const Mend& mend, Postponement postponement,
                                    Deadline deadline);

/// A place in the shared ClickHouse which a tenancy was moved out of.
struct LeftPlace {
  Uuid tenancy;
  std::string project;
  std::string branch;
  std::string seen_at;  ///< as the source writes it: which time
};
/// Those to which nobody writes rows of that tenancy any more: they were seen to be left `settling` ago, and no lease of before is alive. None while no ClickHouse is a
/// destination.
asio::awaitable<std::vector<LeftPlace>> left_places(postgres::Connection& connection, std::chrono::milliseconds settling,
                                                    std::int64_t limit, Deadline deadline);
/// Its rows are gone: the tenancy, and whichever stands in that place now, are read from the beginning. Unless it was left anew meanwhile, it is forgotten.
asio::awaitable<void> forget_left_place(postgres::Connection& connection, const LeftPlace& place,
                                        std::vector<std::string> mappings, Deadline deadline);

/// How many of these are open, and why the last of them failed.
struct OpenMends {
  std::int64_t count = 0;
  std::int64_t differences = 0;  ///< that were mended by those that are done
  std::string error;
};
asio::awaitable<OpenMends> count_mends(postgres::Connection& connection, std::span<const DestinationName> destinations,
                                       std::vector<std::string> mappings, Deadline deadline);

}  // namespace tributary::queue
