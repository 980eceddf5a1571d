#pragma once
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/endpoint.hpp"

namespace tributary::http {

/// Tells who calls. Throws Error where they do not show what `access` needs. Never called for Access::none.
using Authenticator = std::function<asio::awaitable<Identity>(Access access, const RawRequest& request)>;

/// What a handler threw that is no Error: the Error to answer with where it is known ("the database cannot be reached": 503); nullopt: a defect.
/// The cause is logged in either case.
using ErrorMapper = std::function<std::optional<Error>(std::exception_ptr thrown)>;

/// What the document says of the API as a whole.
struct ApiDescription {
  /// What a caller with this access sends along.
  struct Credentials {
    std::vector<std::vector<std::string>> headers;  ///< alternatives of what goes together; "authorization" is a bearer token
    std::vector<KnownError> errors;  ///< of the authenticator
  };
  std::string title;
  std::string version;
  std::string about;
  std::vector<std::string> prefixes{"/api/v1", "/api/latest"};  ///< the first one is documented
  std::map<Access, Credentials> credentials;
};

/// Finds the endpoint of a request, asks who calls, checks path, query and body, and makes an answer of whatever the handler does.
///
/// Lifetime: outlives the answers that it makes. Threads: one loop, or none yet. Each loop has its own, as handlers use what belongs to their loop.
class Router {
 public:
  /// JSON of a body is nested no deeper than this.
  static constexpr std::size_t kMostDepth = 64;

  Router(ApiDescription api, Authenticator authenticator, ErrorMapper map_error = {});
  ~Router();
  Router(Router&&) noexcept;

  /// So many requests are worked on at once; one more gets a 503 before anything is done for it, lest all of them wait. Zero: any number. Pages, which
  /// probes ask for, are answered in any case, and a stream of events counts until it begins.
  void admit(std::size_t most_requests);

  /// Throws std::invalid_argument where the declaration contradicts itself or another one: that is a defect, seen at start.
  void add(Endpoint endpoint);
  void add_page(Page page);
  /// Everything below the prefixes of `other` is its business, with an authenticator of its own; its requests count among those of admit(). This one's
  /// document does not tell of it. REQUIRES: nothing is mounted in `other`.
  void mount(Router other);

  /// The answer, refusals included. HEAD is answered as GET is, OPTIONS with the methods. Throws only where its coroutine is cancelled.
  asio::awaitable<Response> answer(const RawRequest& request) const;

  /// The endpoint that the request is for, wherever it is mounted; null where there is none.
  const Endpoint* find(const RawRequest& request) const;

  const ApiDescription& api() const;
  const std::deque<Endpoint>& endpoints() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tributary::http
