// SPDX-License-Identifier: BSD-2-Clause
//
// Counts written out, in any of the formats. Allocates; may throw
// std::bad_alloc.

#pragma once

#include "metrics.hpp"

#include <string>

namespace psm {

[[nodiscard]] std::string write_metrics(const MetricsReading& reading,
                                        MetricsFormat format);

/// What write_metrics does for MetricsFormat::json.
[[nodiscard]] std::string write_metrics_json(const MetricsReading& reading);

} // namespace psm
