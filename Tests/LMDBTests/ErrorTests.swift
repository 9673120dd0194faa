import CLMDB
import Glibc
import Testing

@testable import LMDB

extension LMDBTests {
    @Suite struct Errors {
        @Test func everyCodeOfTheHeaderHasANameAndComesBack() {
            // lmdb.h numbers its codes without gaps.
            var seen: Set<LMDBError.Code> = []
            for raw in [MDB_KEYEXIST] + Array(MDB_KEYEXIST...MDB_LAST_ERRCODE) {
                let code = LMDBError.Code(raw)
                #expect(code.rawCode == raw)
                #expect(code != .unknown(raw))
                seen.insert(code)
            }
            #expect(seen.count == Int(MDB_LAST_ERRCODE - MDB_KEYEXIST) + 1)
        }

        @Test func unknownCodesAndErrnoAreKept() {
            #expect(LMDBError.Code(MDB_LAST_ERRCODE + 1) == .unknown(MDB_LAST_ERRCODE + 1))
            #expect(LMDBError.Code(MDB_LAST_ERRCODE + 1).rawCode == MDB_LAST_ERRCODE + 1)
            #expect(LMDBError.Code(ENOSPC) == .system(ENOSPC))
            #expect(LMDBError.Code(ENOSPC).rawCode == ENOSPC)
            #expect(LMDBError.Code(ENOSPC).isLackOfSpace && LMDBError.Code(MDB_MAP_FULL).isLackOfSpace)
            #expect(!LMDBError.Code(EIO).isLackOfSpace)
        }

        @Test func networkFileSystemsAreUnsuitable() {
            #expect(FileSystemKind.unsuitableName(ofType: 0x6969) == "NFS")
            #expect(FileSystemKind.unsuitableName(ofType: 0x6573_5546) == "FUSE")
            // statfs(2): these have the highest bit, which a signed f_type would carry into the upper half.
            #expect(FileSystemKind.unsuitableName(ofType: 0xFF53_4D42) == "CIFS")
            #expect(FileSystemKind.unsuitableName(ofType: 0xFE53_4D42) == "SMB2")
            for local: Int64 in [0x0102_1994, 0xEF53, 0x5846_5342, 0x9123_683E, 0x794C_7630] {
                #expect(FileSystemKind.unsuitableName(ofType: local) == nil)
            }
        }
    }
}
