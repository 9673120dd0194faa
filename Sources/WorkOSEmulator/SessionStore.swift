import FoundationEssentials

/// All sessions and their single-use tokens.
///
/// Bounded: beyond `capacity` tokens the oldest are forgotten, spent or not, and with a session's last token the
/// session. A forgotten token is answered like one that never was.
struct SessionStore {
    /// How the attempt to use a token ended.
    enum Redemption: Hashable {
        /// The token was good and is spent now.
        case rotated(Grant)
        /// It was spent before, but within the grace: one more successor, as good as the first.
        case replayed(Grant)
        /// It was spent before.
        case spent
        /// It never was, or is forgotten.
        case unknown
    }

    private struct Token {
        var sessionID: String
        var organizationID: String?
        var spentAt: Duration?
    }

    private let capacity: Int
    private var tokens: [String: Token] = [:]
    private var order: [String] = []
    private var oldest = 0
    private var sessions: [String: (session: Session, tokens: Int)] = [:]
    private var userIDs: [String: (id: String, sessions: Int)] = [:]
    private var signIns = 0

    init(capacity: Int = 100_000) {
        self.capacity = capacity
    }

    /// Makes a session and its first token. The same address is the same user.
    mutating func signIn(_ signIn: SignIn, date: Date) -> Grant {
        signIns += 1
        let email = signIn.email ?? "user-\(signIns)@example.com"
        let userID = userIDs[email]?.id ?? Identifier.make("user", at: date)
        userIDs[email, default: (userID, 0)].sessions += 1
        let session = Session(signIn, email: email, userID: userID, date: date)
        sessions[session.id] = (session, 0)
        return issue(session, organizationID: signIn.organizationID)
    }

    /// The address of the token's user, spent or not; `nil` for an unknown token.
    func email(of token: String) -> String? {
        tokens[token].flatMap { sessions[$0.sessionID]?.session.email }
    }

    /// Uses a token: the only place where one is spent. `organizationID` switches the successor's organization.
    mutating func redeem(
        _ token: String, organizationID: String?, grace: Duration, now: Duration
    ) -> Redemption {
        guard let known = tokens[token], let session = sessions[known.sessionID]?.session else {
            return .unknown
        }
        let organization = organizationID ?? known.organizationID
        guard let spentAt = known.spentAt else {
            tokens[token]?.spentAt = now
            return .rotated(issue(session, organizationID: organization))
        }
        guard now - spentAt < grace else { return .spent }
        return .replayed(issue(session, organizationID: organization))
    }

    private mutating func issue(_ session: Session, organizationID: String?) -> Grant {
        let text = Identifier.refreshToken()
        tokens[text] = Token(sessionID: session.id, organizationID: organizationID)
        order.append(text)
        sessions[session.id]?.tokens += 1
        while tokens.count > capacity { forgetOldest() }
        return Grant(session: session, organizationID: organizationID, refreshToken: text)
    }

    private mutating func forgetOldest() {
        let text = order[oldest]
        oldest += 1
        if oldest > capacity {
            order.removeFirst(oldest)
            oldest = 0
        }
        guard let sessionID = tokens.removeValue(forKey: text)?.sessionID, let entry = sessions[sessionID]
        else {
            return
        }
        guard entry.tokens <= 1 else {
            sessions[sessionID]?.tokens -= 1
            return
        }
        sessions[sessionID] = nil
        let email = entry.session.email
        if let user = userIDs[email], user.sessions > 1 {
            userIDs[email]?.sessions -= 1
        } else {
            userIDs[email] = nil
        }
    }
}
