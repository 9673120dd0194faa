import Foundation
import LMDB
import LeaseReports
import LeaseTable

/// How large a table is, and how much of it is used. The order is the one it is shown in.
struct TableSizes {
    let values: [(name: String, help: String, value: Int)]

    init(of table: LeaseTable, _ rows: [LeaseRow]) {
        let space = table.space
        let pipes = try? FileManager.default.contentsOfDirectory(atPath: table.directory.path + "/pipes").count
        values = [
            ("record_bytes", "Bytes of the table's records.", rows.reduce(0) { $0 + $1.size }),
            ("map_bytes", "Size of the table's map.", space.mapSize),
            ("map_used_bytes", "Up to where the map was ever used.", space.usedToPage),
            ("file_system_free_bytes", "What the table's file system could still take.", space.fileSystemFree),
            ("readers", "Slots of readers that were ever in use at once.", space.readersInUse),
            ("reader_slots", "Slots of readers there are.", space.readerSlots),
            ("pipes", "Wake pipes, orphaned ones included.", pipes ?? 0),
        ]
    }
}
