#include "archive/int_codec.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "archive/int_cost.h"

namespace trunkline {
namespace {

// The first byte: the transform in the low bits, then flags.
constexpr uint8_t kTransformMask = 0x03;
constexpr uint8_t kZigzag = 0x04;   // else an offset from the smallest residual
constexpr uint8_t kSymbols = 0x08;  // else byte planes
constexpr uint8_t kAllFlags = kTransformMask | kZigzag | kSymbols;

constexpr size_t kMaxSymbols = 256;
constexpr size_t kSampleRuns = 4;
constexpr size_t kSampleRunLength = 512;

// Residuals as unsigned codes: (residual - smallest) / unit, or zigzag(residual / unit).
struct Codes {
  bool zigzag = false;
  int64_t smallest = 0;
  uint64_t unit = 1;
  std::vector<uint64_t> codes;
};

uint64_t Zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
int64_t Unzigzag(uint64_t code) { return static_cast<int64_t>((code >> 1) ^ (~(code & 1) + 1)); }

// The largest number that divides all codes; 1 where there is none.
uint64_t CommonUnit(std::span<const uint64_t> codes) {
  uint64_t unit = 0;
  for (const uint64_t code : codes) {
    if (code != 0 && (unit == 0 || code % unit != 0)) unit = std::gcd(unit, code);
    if (unit == 1) break;
  }
  return std::max<uint64_t>(unit, 1);
}

void DivideByUnit(Codes* codes) {
  codes->unit = CommonUnit(codes->codes);
  if (codes->unit == 1) return;
  for (uint64_t& code : codes->codes) code /= codes->unit;
}

Codes OffsetCodes(std::span<const int64_t> residuals) {
  Codes codes;
  codes.smallest = *std::min_element(residuals.begin(), residuals.end());
  codes.codes.reserve(residuals.size());
  for (const int64_t residual : residuals) {
    codes.codes.push_back(static_cast<uint64_t>(residual) - static_cast<uint64_t>(codes.smallest));
  }
  DivideByUnit(&codes);
  return codes;
}

Codes ZigzagCodes(std::span<const int64_t> residuals) {
  Codes codes;
  codes.zigzag = true;
  codes.codes.reserve(residuals.size());
  for (const int64_t residual : residuals) codes.codes.push_back(Zigzag(residual));
  return codes;
}

struct Choice {
  IntTransform transform = IntTransform::kNone;
  bool zigzag = false;
  double bits = 0;  // of the sample
  size_t sampled = 0;
};

// Runs of consecutive values, evenly spread; everything where it is short.
std::vector<int64_t> SampleResiduals(IntTransform transform, std::span<const int64_t> values,
                                     const IntContext& context) {
  std::vector<int64_t> sample;
  if (values.size() <= kSampleRuns * kSampleRunLength) {
    AppendResiduals(transform, values, 0, values.size(), context, &sample);
    return sample;
  }
  for (size_t run = 0; run < kSampleRuns; ++run) {
    const size_t first = (values.size() - kSampleRunLength) * run / (kSampleRuns - 1);
    AppendResiduals(transform, values, first, kSampleRunLength, context, &sample);
  }
  return sample;
}

Choice ChooseTransform(std::span<const int64_t> values, const IntContext& context) {
  Choice best;
  const auto consider = [&](IntTransform transform) {
    const std::vector<int64_t> sample = SampleResiduals(transform, values, context);
    const Codes offset = OffsetCodes(sample);
    const double bits = PlaneBits(offset.codes);
    if (best.sampled == 0 || bits < best.bits) best = {transform, false, bits, sample.size()};
    if (offset.smallest >= 0) return;
    const double zigzag_bits = PlaneBits(ZigzagCodes(sample).codes);
    if (zigzag_bits < best.bits) best = {transform, true, zigzag_bits, sample.size()};
  };
  consider(IntTransform::kNone);
  if (best.bits > 0) consider(IntTransform::kDelta);
  if (best.bits > 0 && context.clock != nullptr) {
    consider(IntTransform::kCommitOffset);
    consider(IntTransform::kNowOffset);
  }
  return best;
}

// The distinct codes in order, or nothing when there are more than kMaxSymbols.
std::vector<uint64_t> SymbolTable(std::span<const uint64_t> codes) {
  std::vector<uint64_t> table;
  uint64_t last = ~codes.front();
  for (const uint64_t code : codes) {
    if (code == last) continue;
    last = code;
    const auto at = std::lower_bound(table.begin(), table.end(), code);
    if (at != table.end() && *at == code) continue;
    if (table.size() == kMaxSymbols) return {};
    table.insert(at, code);
  }
  return table;
}

// A code that is one byte wide needs no table.
bool ShouldUseSymbols(std::span<const uint64_t> codes, std::span<const uint64_t> table,
                      std::span<const uint8_t> symbols) {
  Histogram histogram{};
  for (const uint8_t symbol : symbols) ++histogram[symbol];
  double table_bits = 0;
  for (size_t i = 1; i < table.size(); ++i) table_bits += 8 * PlaneWidth(table[i] - table[i - 1]);
  return EntropyBits(histogram, codes.size()) + table_bits < PlaneBits(codes);
}

bool PutAsSymbols(std::span<const uint64_t> codes, StreamWriter* out, uint8_t first_byte,
                  const auto& put_parameters) {
  const std::vector<uint64_t> table = SymbolTable(codes);
  if (table.empty()) return false;
  std::vector<uint8_t> symbols;
  symbols.reserve(codes.size());
  for (const uint64_t code : codes) {
    const auto at = std::lower_bound(table.begin(), table.end(), code);
    symbols.push_back(static_cast<uint8_t>(at - table.begin()));
  }
  if (!ShouldUseSymbols(codes, table, symbols)) return false;
  out->PutByte(first_byte | kSymbols);
  put_parameters();
  out->PutVarint(table.size());
  for (size_t i = 0; i < table.size(); ++i) out->PutVarint(table[i] - (i > 0 ? table[i - 1] : 0));
  out->PutSymbols(symbols);
  return true;
}

void PutPlanes(std::span<const uint64_t> codes, unsigned width, StreamWriter* out) {
  out->PutByte(static_cast<uint8_t>(width));
  std::vector<uint8_t> plane(codes.size());
  for (unsigned i = 0; i < width; ++i) {
    for (size_t j = 0; j < codes.size(); ++j) plane[j] = static_cast<uint8_t>(codes[j] >> (8 * i));
    out->PutSymbols(plane);
  }
}

Result<void> ReadSymbolCodes(StreamReader* in, size_t count, IntScratch* scratch) {
  ASSIGN_OR_RETURN(const uint64_t table_size, in->Count(kMaxSymbols));
  if (table_size == 0) return MalformedBlock("an empty table of integers");
  uint64_t table[kMaxSymbols] = {};
  for (size_t i = 0; i < table_size; ++i) {
    ASSIGN_OR_RETURN(const uint64_t step, in->Varint());
    table[i] = step + (i > 0 ? table[i - 1] : 0);
  }
  ASSIGN_OR_RETURN(const uint8_t* const symbols, in->Symbols(count, &scratch->symbols));
  for (size_t i = 0; i < count; ++i) scratch->codes[i] = table[symbols[i]];
  return {};
}

Result<void> ReadPlanes(StreamReader* in, size_t count, IntScratch* scratch) {
  ASSIGN_OR_RETURN(const uint8_t width, in->Byte());
  if (width > sizeof(uint64_t)) return MalformedBlock("width of integers");
  if (width == 0) std::fill_n(scratch->codes.begin(), count, 0);
  for (unsigned i = 0; i < width; ++i) {
    ASSIGN_OR_RETURN(const uint8_t* const plane, in->Symbols(count, &scratch->symbols));
    uint64_t* const codes = scratch->codes.data();
    if (i == 0) {
      for (size_t j = 0; j < count; ++j) codes[j] = plane[j];
    } else {
      for (size_t j = 0; j < count; ++j) codes[j] |= static_cast<uint64_t>(plane[j]) << (8 * i);
    }
  }
  return {};
}

}  // namespace

double EstimateInts(std::span<const int64_t> values, const IntContext& context) {
  if (values.empty()) return 0;
  const Choice choice = ChooseTransform(values, context);
  return choice.bits * static_cast<double>(values.size()) / static_cast<double>(choice.sampled);
}

void EncodeInts(std::span<const int64_t> values, const IntContext& context, StreamWriter* out) {
  if (values.empty()) return;
  const Choice choice = ChooseTransform(values, context);
  std::vector<int64_t> residuals;
  residuals.reserve(values.size());
  AppendResiduals(choice.transform, values, 0, values.size(), context, &residuals);
  NoteTimes(choice.transform, values, context);
  const Codes codes = choice.zigzag ? ZigzagCodes(residuals) : OffsetCodes(residuals);

  const uint8_t first_byte =
      static_cast<uint8_t>(choice.transform) | (choice.zigzag ? kZigzag : uint8_t{0});
  const auto put_parameters = [&] {
    if (choice.transform == IntTransform::kDelta) out->PutSigned(DeltaSeed(values));
    if (choice.zigzag) return;
    out->PutSigned(codes.smallest);
    out->PutVarint(codes.unit);
  };
  uint64_t any = 0;
  for (const uint64_t code : codes.codes) any |= code;
  const unsigned width = PlaneWidth(any);
  if (width > 1 && PutAsSymbols(codes.codes, out, first_byte, put_parameters)) return;
  out->PutByte(first_byte);
  put_parameters();
  PutPlanes(codes.codes, width, out);
}

Result<void> DecodeInts(StreamReader* in, size_t count, const IntContext& context,
                        IntScratch* scratch, std::vector<int64_t>* values) {
  values->resize(count);
  if (count == 0) return {};
  ASSIGN_OR_RETURN(const uint8_t first_byte, in->Byte());
  const auto transform = static_cast<IntTransform>(first_byte & kTransformMask);
  if ((first_byte & ~kAllFlags) != 0 || (UsesClock(transform) && context.clock == nullptr)) {
    return MalformedBlock("transform of integers");
  }
  int64_t seed = 0;
  int64_t smallest = 0;
  uint64_t unit = 1;
  if (transform == IntTransform::kDelta) {
    ASSIGN_OR_RETURN(seed, in->Signed());
  }
  const bool zigzag = (first_byte & kZigzag) != 0;
  if (!zigzag) {
    ASSIGN_OR_RETURN(smallest, in->Signed());
    ASSIGN_OR_RETURN(unit, in->Varint());
  }
  scratch->codes.resize(count);
  TRY((first_byte & kSymbols) != 0 ? ReadSymbolCodes(in, count, scratch)
                                   : ReadPlanes(in, count, scratch));
  int64_t* const out = values->data();
  const uint64_t* const codes = scratch->codes.data();
  if (zigzag) {
    for (size_t i = 0; i < count; ++i) out[i] = Unzigzag(codes[i]);
  } else {
    for (size_t i = 0; i < count; ++i) {
      out[i] = static_cast<int64_t>(codes[i] * unit + static_cast<uint64_t>(smallest));
    }
  }
  RestoreValues(transform, seed, context, *values);
  return {};
}

}  // namespace trunkline
