// SPDX-License-Identifier: BSD-2-Clause
//
//     table_ -> [slot] -> entry -> entry        chains by hash
//               [slot]
//     newest_ <-> entry <-> entry <-> oldest_   order of use
//
// Every entry is in exactly one chain and once in the list of use. The table
// doubles before the entries outnumber its slots, so a chain holds one entry
// on average. An entry that ran out stays until it is replaced or evicted: it
// is bounded like any other, and find() has nothing to free.

#include "cache.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

namespace psm {

struct Cache::Entry {
    Entry* next = nullptr; // of the chain
    Entry* newer = nullptr;
    Entry* older = nullptr;
    Tick until = 0;
    std::uint64_t hash = 0;
    std::uint32_t key_length = 0;
    std::uint32_t value_length = 0;

    // The key and then the value follow in the same block.
    [[nodiscard]] char* data() noexcept
    {
        return reinterpret_cast<char*>(this + 1);
    }

    [[nodiscard]] std::string_view key() noexcept
    {
        return {data(), key_length};
    }

    [[nodiscard]] std::string_view value() noexcept
    {
        return {data() + key_length, value_length};
    }

    [[nodiscard]] std::size_t bytes() const noexcept
    {
        return sizeof(Entry) + key_length + value_length;
    }
};

namespace {

constexpr std::size_t first_table_size = 16;

__extension__ using Wide = unsigned __int128;

/// Multiplies to 128 bits and folds the halves: each bit of the result
/// depends on all bits of both factors.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept
{
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^
           static_cast<std::uint64_t>(product >> 64);
}

/// Spreads the seed, which may be as poor as a small number.
std::uint64_t spread(std::uint64_t x) noexcept
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

template <class Word>
Word load(const char* at) noexcept
{
    Word word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

/// Up to eight bytes as one word, different for any two of the same length:
/// the two halves may overlap.
std::uint64_t load_tail(const char* at, std::size_t size) noexcept
{
    const auto halves = [at, size]<class Word>(Word) {
        return static_cast<std::uint64_t>(load<Word>(at)) << 32U |
               load<Word>(at + size - sizeof(Word));
    };
    if (size >= sizeof(std::uint32_t)) {
        return halves(std::uint32_t{});
    }
    if (size >= sizeof(std::uint16_t)) {
        return halves(std::uint16_t{});
    }
    return size == 0 ? 0 : load<std::uint8_t>(at);
}

} // namespace

Cache::Cache(std::size_t max_entries, std::uint64_t seed, Keys keys)
    : table_(first_table_size, nullptr), keys_(keys),
      max_entries_(std::max<std::size_t>(max_entries, 1)),
      start_(spread(seed + 0x9e3779b97f4a7c15)),
      fold_(spread(seed + 0x3c6ef372fe94f82a) | 1)
{
}

Cache::~Cache()
{
    clear();
}

std::optional<std::string_view>
Cache::find(std::string_view key, std::uint64_t hash, Tick now) noexcept
{
    Entry* entry = table_[hash & (table_.size() - 1)];
    while (entry != nullptr && (entry->hash != hash || entry->key() != key)) {
        entry = entry->next;
    }
    if (entry == nullptr || now >= entry->until) {
        return std::nullopt;
    }
    if (entry != newest_) {
        unlink(entry);
        push_front(entry);
    }
    return entry->value();
}

void Cache::put(std::string_view key, std::string_view value, Tick until)
{
    // Everything that can throw comes first, and the copies are made before
    // anything is freed: key or value may be views of an entry of ours.
    if (size_ >= table_.size() && size_ < max_entries_) {
        grow();
    }
    Entry* const entry = make(key, value);
    entry->hash = hash(key);
    entry->until = until;

    Entry** slot = slot_of(entry->key(), entry->hash);
    if (*slot != nullptr) {
        remove(slot);
    } else if (size_ >= max_entries_) {
        remove(slot_of(oldest_->key(), oldest_->hash));
        evictions_++;
    }

    slot = slot_of(entry->key(), entry->hash);
    assert(*slot == nullptr);
    *slot = entry;
    push_front(entry);
    size_++;
    entry_bytes_ += entry->bytes();
}

bool Cache::erase(std::string_view key) noexcept
{
    Entry** const slot = slot_of(key, hash(key));
    if (*slot == nullptr) {
        return false;
    }
    remove(slot);
    return true;
}

void Cache::clear() noexcept
{
    for (Entry* entry = newest_; entry != nullptr;) {
        Entry* const older = entry->older;
        release(entry);
        entry = older;
    }
    std::fill(table_.begin(), table_.end(), nullptr);
    newest_ = nullptr;
    oldest_ = nullptr;
    size_ = 0;
    entry_bytes_ = 0;
}

std::size_t Cache::bytes() const noexcept
{
    return entry_bytes_ + table_.capacity() * sizeof(void*);
}

Cache::Entry* Cache::make(std::string_view key, std::string_view value)
{
    if (key.size() > UINT32_MAX || value.size() > UINT32_MAX) {
        throw std::bad_alloc();
    }
    void* const block =
        ::operator new(sizeof(Entry) + key.size() + value.size());
    auto* const entry = ::new (block) Entry;
    entry->key_length = static_cast<std::uint32_t>(key.size());
    entry->value_length = static_cast<std::uint32_t>(value.size());
    // An empty view may hold a null pointer, which memcpy must not see.
    if (!key.empty()) {
        std::memcpy(entry->data(), key.data(), key.size());
    }
    if (!value.empty()) {
        std::memcpy(entry->data() + key.size(), value.data(), value.size());
    }
    return entry;
}

void Cache::release(Entry* entry) noexcept
{
    ::operator delete(entry);
}

std::uint64_t Cache::hash(std::string_view key) const noexcept
{
    const char* at = key.data();
    std::size_t left = key.size();

    if (keys_ == Keys::digests) {
        // Who wants two digests to meet here must find two that share 64
        // bits; who wants them to share a slot does not know the seed.
        assert(left >= sizeof(std::uint64_t));
        return fold(load<std::uint64_t>(at) ^ start_, fold_);
    }

    std::uint64_t state = start_ ^ left;
    for (; left > sizeof(std::uint64_t); left -= sizeof(std::uint64_t)) {
        state = fold(state ^ load<std::uint64_t>(at), fold_);
        at += sizeof(std::uint64_t);
    }
    return fold(fold(state ^ load_tail(at, left), fold_) ^ start_, fold_);
}

/// The link that points to the entry of `key`, or the null link at the end
/// of its chain.
Cache::Entry** Cache::slot_of(std::string_view key, std::uint64_t hash) noexcept
{
    Entry** slot = &table_[hash & (table_.size() - 1)];
    while (*slot != nullptr &&
           ((*slot)->hash != hash || (*slot)->key() != key)) {
        slot = &(*slot)->next;
    }
    return slot;
}

void Cache::unlink(Entry* entry) noexcept
{
    (entry->newer != nullptr ? entry->newer->older : newest_) = entry->older;
    (entry->older != nullptr ? entry->older->newer : oldest_) = entry->newer;
}

void Cache::push_front(Entry* entry) noexcept
{
    entry->newer = nullptr;
    entry->older = newest_;
    (newest_ != nullptr ? newest_->newer : oldest_) = entry;
    newest_ = entry;
}

void Cache::remove(Entry** slot) noexcept
{
    Entry* const entry = *slot;
    *slot = entry->next;
    unlink(entry);
    size_--;
    entry_bytes_ -= entry->bytes();
    release(entry);
}

void Cache::grow()
{
    std::vector<Entry*> table(table_.size() * 2, nullptr);
    table_.swap(table);
    // From the oldest on, each to the front of its chain: what was used last
    // is found first.
    for (Entry* entry = oldest_; entry != nullptr; entry = entry->newer) {
        Entry*& first = table_[entry->hash & (table_.size() - 1)];
        entry->next = first;
        first = entry;
    }
}

} // namespace psm
