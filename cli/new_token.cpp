// SPDX-License-Identifier: BSD-2-Clause

#include "new_token.hpp"

#include "output.hpp"

namespace psm::cli {

void print_new_token(std::string_view token)
{
    print("The token, shown this once; keep it now:\n\n  ");
    print(token);
    print("\n\n");
}

void print_ready(const Site& site, std::string_view token,
                 const TokenRecord& record)
{
    print("\nReady to paste:\n\n");
    print_snippets(site, make_snippets(site, token, channels_of(record)));
}

} // namespace psm::cli
