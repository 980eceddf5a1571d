#include "api/known_projects.hpp"

namespace tributary::api {

asio::awaitable<std::optional<directory::Credentials>> KnownProjects::find(std::string project, std::string branch,
                                                                           Deadline deadline) {
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_tidying_) {
    std::erase_if(known_, [&](const auto& entry) { return entry.second.until <= now; });
    next_tidying_ = now + kFor;
  }
  const auto found = known_.find({project, branch});
  if (found != known_.end() && now < found->second.until) co_return found->second.credentials;
  auto connection = co_await connect_(deadline);
  auto credentials = co_await directory::read_credentials(*connection, project, branch, deadline);
  if (credentials) known_.insert_or_assign({project, branch}, Known{*credentials, now + kFor});
  co_return credentials;
}

}  // namespace tributary::api
