#pragma once
#include <boost/json/object.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace tributary::http {

namespace json = boost::json;

/// A refusal that clients can tell by its code. Declared once as a constant; endpoints list it, and throw it as an Error.
struct KnownError {
  unsigned status = 400;
  std::string_view code;
  std::string_view about;  ///< when it is given, for the documentation
};

/// The request is not what the endpoint takes.
inline constexpr KnownError kSchemaError{400, "SCHEMA_ERROR",
                                         "The request does not match the schema; the message names the field"};
inline constexpr KnownError kNotFound{404, "NOT_FOUND", "Nothing answers at this path"};
inline constexpr KnownError kMethodNotAllowed{405, "METHOD_NOT_ALLOWED", "The path exists, but not with this method"};
inline constexpr KnownError kTimeout{503, "REQUEST_TIMEOUT",
                                     "The request took longer than the server allows; it may have been carried out"};
inline constexpr KnownError kBusy{503, "SERVER_BUSY",
                                  "More requests at once than the server takes; nothing was done. Try again after Retry-After"};
inline constexpr KnownError kInternal{500, "INTERNAL_ERROR", "A defect; the request id finds its cause in the log"};

/// Ends a request with `{code, error, details?}`, the known error's status, and the header x-stack-known-error. Thrown by handlers and authenticators.
class Error : public std::runtime_error {
 public:
  /// `message` is for the client: no internals, no other tenant's values, no secrets.
  Error(const KnownError& known, const std::string& message, json::object details = {});

  unsigned status() const { return status_; }
  const std::string& code() const { return code_; }
  const json::object& details() const { return details_; }
  /// `{code, error, details?}`
  json::object body() const;

 private:
  unsigned status_;
  std::string code_;
  json::object details_;
};

}  // namespace tributary::http
