// SPDX-License-Identifier: BSD-2-Clause

#include "listing.hpp"

#include "command.hpp"
#include "progress.hpp"

#include "../lib/quote.hpp"
#include "../lib/text.hpp"

#include <algorithm>
#include <array>
#include <tuple>

namespace psm::cli {

namespace {

constexpr std::array<std::string_view, 6> order_names{
    "created", "expires", "deleted", "name", "owner", "last-used"};

/// Where the tokens come from, and the order in which they come.
struct Source {
    TokenRange range;
    ListOrder order = ListOrder::created;
};

Source find_source(const TokenFilter& filter, std::int64_t now)
{
    Source source{.range = {.limit = max_page}};
    if (filter.state == TokenState::deleted) {
        source.range.index = TokenRange::Index::deleted;
        source.order = ListOrder::deleted;
    } else if (!filter.owner.empty()) {
        source.range.index = TokenRange::Index::owner;
        source.range.name = filter.owner;
    } else if (filter.expiring) {
        source.range.index = TokenRange::Index::expiry;
        source.range.from = now;
        source.range.until = std::min(max_time - now, *filter.expiring) + now;
        source.order = ListOrder::expires;
    } else if (filter.state == TokenState::expired) {
        source.range.index = TokenRange::Index::expiry;
        source.range.until = now;
        source.order = ListOrder::expires;
    }
    return source;
}

/// What people look for first.
ListOrder usual_order(const TokenFilter& filter)
{
    if (filter.state == TokenState::deleted) {
        return ListOrder::deleted;
    }
    const bool by_expiry =
        filter.expiring || filter.state == TokenState::expired;
    return by_expiry ? ListOrder::expires : ListOrder::created;
}

/// So that texts compare as the numbers do.
std::string padded(std::int64_t number)
{
    constexpr std::size_t digits = 20;
    const std::string text = std::to_string(number);
    return std::string(digits - text.size(), '0') + text;
}

std::string sort_key(ListOrder order, const StoredToken& token)
{
    const TokenRecord& record = token.record;
    switch (order) {
    case ListOrder::created:
        return padded(record.created);
    case ListOrder::expires:
        return padded(record.expires); // never: the last
    case ListOrder::deleted:
        return padded(record.deleted.value_or(never_expires));
    case ListOrder::last_used:
        return padded(token.last_used.value_or(0));
    case ListOrder::owner:
        return record.owner;
    case ListOrder::name:
        break;
    }
    std::string key = record.name;
    std::ranges::transform(key, key.begin(), to_lower);
    return key;
}

struct Row {
    std::string key;
    std::string id;

    friend bool operator<(const Row& a, const Row& b)
    {
        return std::tie(a.key, a.id) < std::tie(b.key, b.id);
    }
};

/// A cursor behind the name of its order: "<hexadecimal key>.<id>".
std::string text_of(const Row& row)
{
    std::string key(2 * row.key.size(), '\0');
    to_hex({reinterpret_cast<const unsigned char*>(row.key.data()),
            row.key.size()},
           key);
    return key + "." + row.id;
}

std::optional<Row> parse_row(std::string_view text)
{
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos || dot % 2 != 0) {
        return std::nullopt;
    }
    Row row{.key = {}, .id = std::string(text.substr(dot + 1))};
    for (std::size_t i = 0; i < dot; i += 2) {
        const int high = hex_value(text[i]);
        const int low = hex_value(text[i + 1]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        row.key += static_cast<char>(high * 16 + low);
    }
    return row;
}

[[noreturn]] void refuse_cursor()
{
    refuse("--after is not the \"next\" of a list with this --sort and these "
           "filters: give it as it was printed");
}

/// What a cursor of this order begins with.
std::string cursor_prefix(ListOrder order, bool reverse)
{
    return std::string(order_names[static_cast<std::size_t>(order)]) +
           (reverse ? "-down:" : ":");
}

/// The cursor without it.
std::string place_of(const std::string& after, const std::string& prefix)
{
    if (!after.empty() && !after.starts_with(prefix)) {
        refuse_cursor();
    }
    return after.empty() ? "" : after.substr(prefix.size());
}

/// One page after the other, `take(token, place)`, until it returns false.
template <typename Take>
void read_pages(Store& store, TokenRange range, Take take)
{
    do {
        const auto page = run_now(store.list(range));
        if (!page) {
            refuse_cursor();
        }
        for (std::size_t i = 0; i < page->tokens.size(); i++) {
            const bool last =
                i + 1 == page->tokens.size() && page->next.empty();
            if (!take(page->tokens[i], last ? "" : page->places[i])) {
                return;
            }
        }
        range.after = page->next;
    } while (!range.after.empty());
}

std::string list_by_index(Store& store, const Listing& listing,
                          TokenRange range, std::int64_t now,
                          const TokenSink& sink)
{
    std::string next;
    std::size_t count = 0;
    read_pages(store, std::move(range),
               [&](const StoredToken& token, const std::string& place) {
                   if (!matches(listing.filter, token, now)) {
                       return true;
                   }
                   sink(token);
                   count += token.problem ? 0U : 1U;
                   if (listing.limit == 0 || count < listing.limit) {
                       return true;
                   }
                   next = place;
                   return false;
               });
    return next;
}

/// The rows that are to be shown, in order, and one more where there is one.
class Rows {
public:
    Rows(std::size_t limit, bool reverse)
        : most_(limit == 0 ? SIZE_MAX : limit + 1), reverse_(reverse)
    {
    }

    [[nodiscard]] bool is_before(const Row& a, const Row& b) const
    {
        return reverse_ ? b < a : a < b;
    }

    void add(Row row)
    {
        rows_.push_back(std::move(row));
        if (rows_.size() / 2 >= most_) {
            trim();
        }
    }

    std::vector<Row> take()
    {
        trim();
        return std::move(rows_);
    }

private:
    void trim()
    {
        std::ranges::sort(rows_, [this](const Row& a, const Row& b) {
            return is_before(a, b);
        });
        if (rows_.size() > most_) {
            rows_.resize(most_);
        }
    }

    std::vector<Row> rows_;
    std::size_t most_;
    bool reverse_;
};

std::vector<Row> sort_rows(Store& store, const Listing& listing, Source source,
                           ListOrder order, const std::optional<Row>& after,
                           std::int64_t now, const TokenSink& sink)
{
    Rows rows(listing.limit, listing.reverse);
    Progress progress("sorting");
    read_pages(store, std::move(source.range),
               [&](const StoredToken& token, const std::string& /*place*/) {
                   progress.advance(1);
                   if (!matches(listing.filter, token, now)) {
                       return true;
                   }
                   if (token.problem) {
                       progress.hide();
                       sink(token);
                       return true;
                   }
                   Row row{.key = sort_key(order, token),
                           .id = token.record.id};
                   if (!after || rows.is_before(*after, row)) {
                       rows.add(std::move(row));
                   }
                   return true;
               });
    return rows.take();
}

std::string list_sorted(Store& store, const Listing& listing, Source source,
                        ListOrder order, const std::string& after,
                        std::int64_t now, const TokenSink& sink)
{
    const auto begin = after.empty() ? std::nullopt : parse_row(after);
    if (!after.empty() && !begin) {
        refuse_cursor();
    }
    std::vector<Row> rows =
        sort_rows(store, listing, std::move(source), order, begin, now, sink);
    std::string next;
    if (listing.limit != 0 && rows.size() > listing.limit) {
        rows.resize(listing.limit);
        next = text_of(rows.back());
    }
    for (std::size_t at = 0; at < rows.size(); at += max_page) {
        std::vector<std::string> ids;
        for (std::size_t i = at; i < std::min(at + max_page, rows.size());
             i++) {
            ids.push_back(std::move(rows[i].id));
        }
        for (const StoredToken& token : run_now(store.find_ids(ids))) {
            if (matches(listing.filter, token, now)) {
                sink(token);
            }
        }
    }
    return next;
}

} // namespace

void parse_order(const std::string& text, Listing& listing)
{
    listing.reverse = text.starts_with('-');
    const auto* const found = std::ranges::find(
        order_names, std::string_view(text).substr(listing.reverse ? 1 : 0));
    if (found == order_names.end()) {
        refuse("--sort " + in_quotes(text) + " is no order: use " +
               order_words() + ", or one of them behind a - for the reverse");
    }
    listing.order =
        static_cast<ListOrder>(std::distance(order_names.begin(), found));
}

std::string order_words()
{
    std::string words;
    for (const std::string_view name : order_names) {
        words += (words.empty() ? "" : "|") + std::string(name);
    }
    return words;
}

std::string list_tokens(Store& store, const Listing& listing, std::int64_t now,
                        const TokenSink& sink)
{
    const ListOrder order = listing.order.value_or(usual_order(listing.filter));
    const std::string prefix = cursor_prefix(order, listing.reverse);
    std::string place = place_of(listing.after, prefix);
    Source source = find_source(listing.filter, now);
    std::string next;
    if (source.order == order) {
        source.range.after = std::move(place);
        source.range.reverse = listing.reverse;
        next =
            list_by_index(store, listing, std::move(source.range), now, sink);
    } else {
        next = list_sorted(store, listing, std::move(source), order, place, now,
                           sink);
    }
    return next.empty() ? "" : prefix + next;
}

} // namespace psm::cli
