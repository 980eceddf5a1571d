#pragma once
#include <map>
#include <stdexcept>
#include <string>

namespace tributary::directory {

/// Why the directory refuses what was asked of it. Nothing of it was done.
enum class Refusal {
  user_not_found,
  user_email_already_exists,      ///< somebody of the tenancy signs in with this e-mail address
  team_not_found,
  membership_not_found,
  membership_already_exists,
  channel_not_found,
  channel_used_for_auth_by_other,  ///< the same, of a contact channel
  project_not_found,               ///< or no such branch of it
  project_already_exists,
  key_not_found,
  invalid,                         ///< a value that cannot be; the message names the field
};

/// Who is asked says so in the message; what it concerns stands in the details, by name ("team_id").
class Error : public std::runtime_error {
 public:
  using Details = std::map<std::string, std::string>;
  Error(Refusal refusal, const std::string& message, Details details = {})
      : std::runtime_error(message), refusal_(refusal), details_(std::move(details)) {}

  Refusal refusal() const { return refusal_; }
  const Details& details() const { return details_; }

 private:
  Refusal refusal_;
  Details details_;
};

}  // namespace tributary::directory
