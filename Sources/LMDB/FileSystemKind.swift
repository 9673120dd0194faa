/// Which file systems an environment may not lie on: those where a mapping is not shared with other writers, or
/// where flock(2) and fcntl(2) locks are advisory across machines at best.
enum FileSystemKind {
    /// The file system's name if it is unsuitable, for a `f_type` as in statfs(2).
    static func unsuitableName(ofType type: Int64) -> String? {
        switch type {
        case 0x6969: "NFS"
        case 0xFF53_4D42: "CIFS"
        case 0x517B: "SMB"
        case 0xFE53_4D42: "SMB2"
        case 0x00C3_6400: "Ceph"
        case 0x0102_1997: "9p"
        case 0x6573_5546: "FUSE"
        case 0x5346_414F: "AFS"
        case 0x6B41_4653: "AFS"
        case 0x7375_7245: "Coda"
        case 0x0116_1970: "GFS2"
        case 0x7461_636F: "OCFS2"
        case 0x0BD0_0BD0: "Lustre"
        case 0x4750_4653: "GPFS"
        case 0x786F_4256: "a VirtualBox shared folder"
        case 0x564C: "NCP"
        default: nil
        }
    }
}
