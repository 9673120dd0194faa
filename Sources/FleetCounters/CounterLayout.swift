/// Where everything stands in the file `counters`, in words of 64 bits.
///
/// | words | |
/// |---|---|
/// | 0 | magic number |
/// | 1 | version of this layout |
/// | 2, 3 | id of the environment that is counted for |
/// | 4 | size of the file in bytes |
/// | 8 | how far folding is, see ``CounterFolding`` |
/// | 512 … 1023 | who has which slot, see ``SlotOwner``; 0 for nobody |
/// | 1024 … 1279 | two totals of the processes that have ended, one of which counts |
/// | 1536 … | the slots |
///
/// A slot: the counters; the histograms, each with its buckets and its sum in nanoseconds; the number of callers that
/// wait for keys which had no room; the keys that callers wait for. What of it is folded comes first.
enum CounterLayout {
    static let magic: UInt64 = 0x0a63_6472_6665_7231
    static let version: UInt64 = 1

    static let magicWord = 0
    static let versionWord = 1
    static let environmentWord = 2
    static let sizeWord = 4
    static let foldingWord = 8

    /// As many processes count. 512: with what each needs below 1 MiB, and more than machines of this kind have workers.
    static let slotCount = 512
    static let ownersStart = 512
    static let totalsStart = 1024
    static let totalLength = 128
    static let slotsStart = 1536
    static let slotLength = 192
    static let wordCount = slotsStart + slotCount * slotLength
    static let byteCount = wordCount * 8

    // Within a slot.

    /// Room for more counters than there are.
    static let counterRoom = 32
    static let histogramLength = FleetHistogram.bounds.count + 2
    static let histogramsStart = counterRoom
    /// The words that are folded.
    static let countedLength = counterRoom + 3 * histogramLength
    static let waitingElsewhere = countedLength
    /// Keys that callers of one process wait for at once. More are rare, and are counted without their names.
    static let entryCount = 16
    static let entryLength = 5
    static let entriesStart = slotLength - entryCount * entryLength - 12

    static func histogram(_ histogram: FleetHistogram) -> Int {
        histogramsStart + histogram.rawValue * histogramLength
    }
}
