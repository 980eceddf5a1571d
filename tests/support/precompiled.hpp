// The heavy headers that nearly every test needs, besides those of the modules.
#pragma once
#include "../../cmake/precompiled.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
