// SPDX-License-Identifier: BSD-2-Clause

#include "check.hpp"

#include "../../lib/cache.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>

namespace {

using psm::Cache;
using psm::Tick;

constexpr std::uint64_t seed = 0x1234;
constexpr Tick forever = UINT64_MAX;

/// What find() gives, as text that a comparison can print.
std::string look(Cache& cache, std::string_view key, Tick now = 0)
{
    const auto found = cache.find(key, now);
    return found ? std::string(*found) : "(none)";
}

void stored_value_is_found_until_its_time(void**)
{
    Cache cache(10, seed);
    cache.put("k", "value", 1000);
    check_same("before", look(cache, "k", 0), "value");
    check_same("last moment", look(cache, "k", 999), "value");
    check_same("its time", look(cache, "k", 1000), "(none)");
    check_same("after", look(cache, "k", 5000), "(none)");
    check_same("other key", look(cache, "K", 0), "(none)");
    check_equal("it stays for eviction", cache.size(), 1);
}

void empty_and_binary_keys_and_values_are_kept(void**)
{
    Cache cache(10, seed);
    const std::string zeros("\0\0a\0", 4);
    cache.put("", "empty key", forever);
    cache.put("empty value", "", forever);
    cache.put(zeros, zeros, forever);
    check_same("empty key", look(cache, ""), "empty key");
    check_same("empty value", look(cache, "empty value"), "");
    check_same("zeros", look(cache, zeros), zeros);
    check_same("shorter", look(cache, std::string_view(zeros).substr(0, 3)),
               "(none)");
}

void least_recently_used_is_evicted(void**)
{
    Cache cache(3, seed);
    cache.put("a", "1", forever);
    cache.put("b", "2", forever);
    cache.put("c", "3", forever);
    check_same("use a", look(cache, "a"), "1");
    cache.put("d", "4", forever);
    check_same("b went", look(cache, "b"), "(none)");
    check_same("a stayed", look(cache, "a"), "1");
    cache.put("c", "33", forever); // replacing counts as use
    cache.put("e", "5", forever);
    check_same("d went", look(cache, "d"), "(none)");
    check_same("c stayed", look(cache, "c"), "33");
    check_equal("size", cache.size(), 3);
    check_equal("evictions", cache.evictions(), 2);
}

void expired_find_is_no_use(void**)
{
    Cache cache(2, seed);
    cache.put("old", "1", 10);
    cache.put("new", "2", forever);
    check_same("expired", look(cache, "old", 10), "(none)");
    cache.put("more", "3", forever);
    check_same("new stayed", look(cache, "new"), "2");
    check_same("old went", look(cache, "old", 0), "(none)");
}

void put_replaces_value_and_time(void**)
{
    Cache cache(4, seed);
    cache.put("k", "first", 100);
    cache.put("k", "the second, longer one", 200);
    check_same("at 150", look(cache, "k", 150), "the second, longer one");
    cache.put("k", "3", 50);
    check_same("at 40", look(cache, "k", 40), "3");
    check_same("at 50", look(cache, "k", 50), "(none)");
    check_equal("size", cache.size(), 1);
    check_equal("no eviction", cache.evictions(), 0);
}

void put_takes_views_of_its_own_entries(void**)
{
    Cache cache(2, seed);
    cache.put("key", "the value of an entry that will go", forever);
    cache.put("key", cache.find("key", 0).value(), forever);
    check_same("same key", look(cache, "key"),
               "the value of an entry that will go");
    cache.put("other", "x", forever);
    // "key" is the oldest now and makes room for the copy of itself.
    cache.put("copy", cache.find("key", 0).value(), forever);
    check_same("copied", look(cache, "copy"),
               "the value of an entry that will go");
}

void erase_says_whether_there_was_one(void**)
{
    Cache cache(4, seed);
    cache.put("a", "1", forever);
    cache.put("b", "2", forever);
    check_equal("there", cache.erase("a"), true);
    check_equal("gone", cache.erase("a"), false);
    check_same("a", look(cache, "a"), "(none)");
    check_same("b", look(cache, "b"), "2");
    check_equal("size", cache.size(), 1);
}

void clear_leaves_an_empty_usable_cache(void**)
{
    Cache cache(1000, seed);
    const std::size_t empty = cache.bytes();
    for (int i = 0; i < 10; i++) {
        cache.put(std::to_string(i), "v", forever);
    }
    cache.clear();
    check_equal("size", cache.size(), 0);
    check_equal("bytes", cache.bytes(), empty);
    check_same("gone", look(cache, "3"), "(none)");
    cache.put("3", "again", forever);
    check_same("usable", look(cache, "3"), "again");
}

void limit_of_zero_means_one(void**)
{
    Cache cache(0, seed);
    cache.put("a", "1", forever);
    check_same("a", look(cache, "a"), "1");
    cache.put("b", "2", forever);
    check_same("b", look(cache, "b"), "2");
    check_equal("size", cache.size(), 1);
}

void cached_token_costs_at_most_300_bytes(void**)
{
    constexpr std::size_t count = 100000;
    Cache cache(count, seed);
    std::string key(32, '\0');
    const std::string value(150, 'v');
    for (std::size_t i = 0; i < count + 1000; i++) {
        key.replace(0, 8, std::to_string(10000000 + i));
        cache.put(key, value, forever);
    }
    check_equal("bounded", cache.size(), count);
    check_equal("evictions", cache.evictions(), 1000);
    // malloc adds at most 16 bytes to a block.
    check_that("bytes per token", cache.bytes() / count + 16 <= 300);
    check_that("entries are counted", cache.bytes() / count >= 182);
}

void long_keys_that_differ_in_one_byte_are_told_apart(void**)
{
    for (std::uint64_t s = 0; s < 8; s++) {
        Cache cache(200000, s);
        std::string key(520, 'c');
        for (std::size_t at = 0; at < key.size(); at++) {
            for (int c = 0; c < 8; c++) {
                key[at] = static_cast<char>('0' + c);
                cache.put(key, key.substr(at, 1), forever);
            }
            key[at] = 'c';
        }
        check_equal("all told apart", cache.size(), 520 * 8);
        key[519] = '7';
        check_same("last byte", look(cache, key), "7");
    }
}

/// The same behaviour, written to be obviously right.
class Model {
public:
    explicit Model(std::size_t limit) : limit_(limit) {}

    std::string find(const std::string& key, Tick now)
    {
        const auto it = map_.find(key);
        if (it == map_.end() || now >= it->second.until) {
            return "(none)";
        }
        use(key);
        return it->second.value;
    }

    void put(const std::string& key, const std::string& value, Tick until)
    {
        if (!map_.contains(key) && map_.size() >= limit_) {
            bytes_ -= cost(order_.back());
            map_.erase(order_.back());
            order_.pop_back();
            evictions_++;
        }
        if (map_.contains(key)) {
            bytes_ -= cost(key);
        }
        map_[key] = {value, until};
        bytes_ += cost(key);
        use(key);
    }

    bool erase(const std::string& key)
    {
        if (!map_.contains(key)) {
            return false;
        }
        bytes_ -= cost(key);
        map_.erase(key);
        order_.remove(key);
        return true;
    }

    void clear()
    {
        map_.clear();
        order_.clear();
        bytes_ = 0;
    }

    [[nodiscard]] std::size_t size() const { return map_.size(); }

    [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

    /// Of keys and values alone.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    struct Item {
        std::string value;
        Tick until = 0;
    };

    std::size_t cost(const std::string& key)
    {
        return key.size() + map_.at(key).value.size();
    }

    void use(const std::string& key)
    {
        order_.remove(key);
        order_.push_front(key);
    }

    std::map<std::string, Item> map_;
    std::list<std::string> order_;
    std::size_t limit_;
    std::size_t bytes_ = 0;
    std::uint64_t evictions_ = 0;
};

/// Bytes of table and links of a cache with `entries` of the given payload.
std::size_t overhead(const Cache& cache, std::size_t payload)
{
    return cache.bytes() - payload;
}

void hundred_thousand_operations_agree_with_a_model(void**)
{
    std::mt19937_64 random(7);
    Cache cache(100, seed);
    Model model(100);
    Cache one(1, seed);
    const std::size_t table_of_16 = one.bytes();
    one.put("k", "v", forever);
    const std::size_t per_entry = overhead(one, 2) - table_of_16;
    Tick now = 0;

    for (int i = 0; i < 100000; i++) {
        const std::string key(1 + random() % 3,
                              static_cast<char>('a' + random() % 60));
        const auto what = random() % 100;
        now += random() % 3;
        if (what < 50) {
            check_same("find", look(cache, key, now), model.find(key, now));
        } else if (what < 90) {
            const std::string value(random() % 40, 'v');
            const Tick until = now + random() % 400;
            cache.put(key, value, until);
            model.put(key, value, until);
        } else if (what == 99 && random() % 50 == 0) {
            cache.clear();
            model.clear();
        } else {
            check_equal("erase", cache.erase(key), model.erase(key));
        }
        check_equal("size", cache.size(), model.size());
    }
    check_equal("evictions", cache.evictions(), model.evictions());
    check_that("the model was full", model.evictions() > 1000);
    check_equal("bytes", overhead(cache, model.bytes()),
                128 * sizeof(void*) + model.size() * per_entry);
}

} // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(stored_value_is_found_until_its_time),
        cmocka_unit_test(empty_and_binary_keys_and_values_are_kept),
        cmocka_unit_test(least_recently_used_is_evicted),
        cmocka_unit_test(expired_find_is_no_use),
        cmocka_unit_test(put_replaces_value_and_time),
        cmocka_unit_test(put_takes_views_of_its_own_entries),
        cmocka_unit_test(erase_says_whether_there_was_one),
        cmocka_unit_test(clear_leaves_an_empty_usable_cache),
        cmocka_unit_test(limit_of_zero_means_one),
        cmocka_unit_test(cached_token_costs_at_most_300_bytes),
        cmocka_unit_test(long_keys_that_differ_in_one_byte_are_told_apart),
        cmocka_unit_test(hundred_thousand_operations_agree_with_a_model),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
