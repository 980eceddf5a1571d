// A library has a source: what tributary_test_flags is there for is its precompiled header.
#include "support/precompiled.hpp"
