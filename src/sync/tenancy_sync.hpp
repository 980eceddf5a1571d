#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "sync/services.hpp"
#include "sync/trace.hpp"

namespace tributary::sync {

/// One destination of the tenancy being synced.
struct Target {
  queue::DestinationEntry entry;
  std::shared_ptr<destination::Destination> destination;
  std::vector<const mapping::Mapping*> mappings;        ///< those that can be written now
  std::vector<destination::Position> positions;         ///< of these, in the same order
  std::unique_ptr<destination::Load> load;              ///< while one is under way
  std::optional<destination::Outcome> load_failure;
  bool held = false;          ///< in Services::busy
  bool running = false;       ///< its part of the present step is not done
  bool left_behind = false;   ///< the others went on without it
  bool alone = false;         ///< from the start of this turn: nobody waits for it
  bool parked = false;        ///< as a whole; nothing more is done with it
  bool partial = false;       ///< one of its mappings rests or failed
  bool more = false;          ///< it is not up to date yet
};
using TargetPointer = std::shared_ptr<Target>;

/// Brings the destinations of one claimed tenancy up to date, as far as one turn goes.
///
/// Read once, deliver to each. A destination that fails is parked by itself; one that is slow is left behind after `patience` and ends its
/// step on its own, so neither delays the others. Lifetime: shared; whoever was left behind keeps it alive.
class TenancySync : public std::enable_shared_from_this<TenancySync> {
 public:
  TenancySync(std::shared_ptr<Services> services, queue::Claim claim);

  struct Result {
    bool more = false;  ///< put the tenancy back into the queue
    bool may_finish = true;  ///< false: something could not be remembered in the source; the lease must run out
  };
  /// Throws postgres::Error of the source.
  asio::awaitable<Result> run();
  /// What run() has written, or begun to, where destinations do not fence. `threw`: run() did.
  std::vector<LateWrites::Write> written(bool threw) const;

 private:
  using Targets = std::vector<TargetPointer>;
  using Work = std::function<asio::awaitable<void>(TargetPointer)>;
  /// What a load has streamed to its destinations and is about to commit there.
  struct LoadedBatch {
    std::int64_t after = -1;
    std::int64_t through = -1;
    std::size_t rows = 0;
    std::size_t bytes = 0;
    bool caught_up = false;
    bool is_last = false;  ///< of this turn
    std::optional<postgres::Timestamp> complete_until;

    Extent extent(const mapping::Mapping& mapping) const { return {mapping.name, rows, bytes, after, through}; }
  };
  using ChangesList = std::vector<std::shared_ptr<const Changes>>;

  // Which destinations, and in whose company.
  asio::awaitable<void> forget_removed();
  asio::awaitable<void> refuse_surplus();
  asio::awaitable<void> promise_anew();
  /// That are synced. What a deleted tenancy may have left behind is removed wherever it is.
  std::size_t most_destinations() const;
  Targets choose(bool retrying);
  TargetPointer make_target(const queue::DestinationEntry& entry);
  void start_alone(TargetPointer target);
  static asio::awaitable<void> alone(std::shared_ptr<TenancySync> self, TargetPointer target);
  static asio::awaitable<void> keep_held(std::shared_ptr<Services> services);

  // The steps.
  asio::awaitable<ChangesRead> fetch(std::vector<Want> wants);
  asio::awaitable<void> sync(Targets& targets, bool with_patience);
  asio::awaitable<void> prepare(TargetPointer target);
  /// Of all mappings. Where it has not answered yet, it waits for its turn first, which the tenancy's others need not.
  asio::awaitable<destination::Positions> positions(TargetPointer target);
  asio::awaitable<bool> take_over(Target& target, const destination::Positions& positions);
  asio::awaitable<void> note_suspects(TargetPointer target);
  bool has_lost_since_the_claim(const Want& want, const Lost& lost) const;
  asio::awaitable<std::vector<const mapping::Mapping*>> forgotten_by_source(TargetPointer target);
  asio::awaitable<bool> is_remembered(postgres::Connection& source, const mapping::Mapping& mapping, std::int64_t seen);
  asio::awaitable<void> deliver(TargetPointer target, const ChangesList& read);
  asio::awaitable<void> load_behind(Want want, const Targets& targets, bool with_patience);
  asio::awaitable<void> load(Want want, Targets targets, bool with_patience);
  static void leave_the_rest(const Targets& targets);
  asio::awaitable<void> put_off(Targets targets) const;
  asio::awaitable<void> open_loads(Want want, Targets& targets, bool with_patience);
  asio::awaitable<void> commit_loads(const mapping::Mapping& mapping, LoadedBatch batch, Targets& targets, bool with_patience);
  asio::awaitable<void> look_again(TargetPointer target, const mapping::Mapping& mapping);
  asio::awaitable<void> stream(ChangeStream& changes, Targets& targets, bool with_patience);
  asio::awaitable<void> leave(const Targets& targets);
  asio::awaitable<void> look_for_rows();

  // One batch at one destination, and what becomes of it.
  asio::awaitable<void> apply_together(TargetPointer target, std::vector<destination::Batch> batches);
  asio::awaitable<void> apply_sparing(TargetPointer target, destination::Batch batch);
  struct AppliedKey {
    std::string key;  ///< as queue::Refused has it
    bool is_deleted;
  };
  asio::awaitable<void> release(const Target& target, const mapping::Mapping& mapping, const std::vector<AppliedKey>& applied,
                                postgres::Timestamp read_at);
  asio::awaitable<std::vector<queue::Refused>> come_again(postgres::Connection& source, const mapping::Mapping& mapping,
                                                          const std::vector<std::string>& rows,
                                                          const std::vector<std::string>& gone);
  asio::awaitable<void> retry_quarantined(TargetPointer target);
  asio::awaitable<void> settle(TargetPointer target, const mapping::Mapping* mapping, destination::Outcome outcome);
  asio::awaitable<void> overtaken(TargetPointer target, std::string mapping);
  asio::awaitable<void> park(TargetPointer target, std::string mapping, destination::Failure failure);
  asio::awaitable<void> clear(TargetPointer target, std::vector<std::string> mappings);
  void log_recovery(const Target& target) const;

  /// Runs `work` for each target at the same time. With patience, those that take longer than that are dropped from `targets` and go on alone.
  /// `patience`: nullopt: Params::patience.
  asio::awaitable<void> each(Targets& targets, bool with_patience, Work work,
                             std::optional<std::chrono::milliseconds> patience = std::nullopt);
  /// With the slowest of them, as far as that is known.
  std::chrono::milliseconds patience_with(const Targets& targets) const;
  asio::awaitable<void> guarded(TargetPointer target, Work work);
  asio::awaitable<void> leave_behind(TargetPointer target);
  asio::awaitable<void> come_back(TargetPointer target);
  void hold(Target& target);
  void let_go(Target& target);
  static void drop_absent(Targets& targets, bool in_company);

  static std::optional<std::size_t> place_of(const Target& target, const mapping::Mapping* mapping);
  int quarantined(const Target& target, const mapping::Mapping& mapping, bool due_only) const;
  bool is_sparing(const Target& target, std::size_t place) const;
  std::int64_t rows_at_once(const Target& target, const mapping::Mapping& mapping) const;
  std::int64_t rows_at_once(const Targets& targets, const mapping::Mapping& mapping) const;
  int failures_of(const Target& target, const mapping::Mapping& mapping) const;
  void learn(const Target& target, const mapping::Mapping& mapping, std::size_t given, const destination::Outcome& outcome,
             std::chrono::steady_clock::time_point began);
  void note_writing(const Target& target, const mapping::Mapping& mapping, std::int64_t through);
  /// Nobody needs to ask whether the source has forgotten what is there up to `through`: it has just been read from it, past what was looked at.
  void note_read_since_jump(const Target& target, const mapping::Mapping& mapping, std::int64_t through);
  /// A batch has become durable in a destination.
  void count_batch(const mapping::Mapping& mapping, std::size_t rows, std::size_t bytes);
  void observe_lag();
  telemetry::Span start_span(std::string_view name) const;
  void end_apply(telemetry::Span& span, const Target& target, std::span<const destination::Batch> batches,
                 const destination::Outcome& outcome) const;
  Deadline source_deadline() const { return Deadline::after(services_.params.source_timeout); }
  Deadline apply_deadline() const { return Deadline::after(services_.params.apply_timeout); }

  // Shared: whoever was left behind may be destroyed after the engine, with the event loop.
  const std::shared_ptr<Services> shared_services_;
  Services& services_;
  const queue::Claim claim_;
  const Uuid tenancy_;
  bool everything_read_ = true;  ///< nothing of the tenancy was unsequenced, and no mapping had more
  bool remembered_ = true;
  bool has_failed_ = false;  ///< at a destination
  bool is_doubted_ = false;  ///< some destination may have rows that the source lacks
  std::vector<LateWrites::Write> written_;
};

}  // namespace tributary::sync
