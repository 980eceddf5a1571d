#include "api/errors.hpp"

#include "analytics/query.hpp"
#include "clickhouse/error.hpp"
#include "directory/error.hpp"
#include "postgres/error.hpp"

namespace tributary::api {
namespace {

using directory::Refusal;

const KnownError& known(Refusal refusal) {
  switch (refusal) {
    case Refusal::user_not_found:
      return kUserNotFound;
    case Refusal::user_email_already_exists:
      return kUserEmailExists;
    case Refusal::team_not_found:
      return kTeamNotFound;
    case Refusal::membership_not_found:
      return kMembershipNotFound;
    case Refusal::membership_already_exists:
      return kMembershipExists;
    case Refusal::channel_not_found:
      return kChannelNotFound;
    case Refusal::channel_used_for_auth_by_other:
      return kChannelUsedForAuth;
    case Refusal::project_not_found:
      return kProjectNotFound;
    case Refusal::project_already_exists:
      return kProjectExists;
    case Refusal::key_not_found:
      return kItemNotFound;
    case Refusal::invalid:
      break;
  }
  return http::kSchemaError;
}

}  // namespace

http::Error to_http(const directory::Error& error) {
  http::json::object details;
  for (const auto& [name, value] : error.details()) details[name] = value;
  if (error.refusal() == Refusal::user_email_already_exists || error.refusal() == Refusal::channel_used_for_auth_by_other)
    details["would_work_if_email_was_verified"] = false;
  if (error.refusal() == Refusal::invalid) details["message"] = error.what();
  return {known(error.refusal()), error.what(), std::move(details)};
}

std::optional<http::Error> map_error(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (const postgres::Error& error) {
    if (error.retryable()) return http::Error(kUnavailable, "The database cannot be reached now. Try again.");
  } catch (const analytics::Busy& busy) {
    return http::Error(http::kBusy, busy.what());
  } catch (const clickhouse::Error& error) {
    return http::Error(kUnavailable, "ClickHouse cannot be reached now. Try again.");
  } catch (...) {
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace tributary::api
