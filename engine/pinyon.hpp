// Pinyon, an embedded ordered transactional key-value store in one file: the one header to include.
#pragma once

#include "pinyon/engine/check.hpp"
#include "pinyon/engine/database.hpp"
#include "pinyon/engine/key_codec.hpp"
#include "pinyon/engine/options.hpp"
#include "pinyon/engine/statistics.hpp"
#include "pinyon/engine/transaction.hpp"
#include "pinyon/engine/tree.hpp"
#include "pinyon/mmap/error.hpp"
