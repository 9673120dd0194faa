import CRefreshClientHeader
import LeaseTable
import RefreshClient

/// A `refreshclient_request`, read and checked.
struct RequestInput {
    let request: RefreshRequest
    let deadline: Duration?
    let lease: Duration?

    init(_ given: UnsafePointer<refreshclient_request>?) throws(CallError) {
        let fields = try unsafe Input.structure(given, "request")
        let longest = KeyParts.longestPart
        request = RefreshRequest(
            refreshToken: try unsafe Input.required(
                fields.refresh_token, "refresh_token", longest: KeyParts.longestToken),
            organizationID: try unsafe Input.text(fields.organization_id, "organization_id", longest: longest),
            scope: try unsafe Input.text(fields.scope, "scope", longest: longest),
            resource: try unsafe Input.text(fields.resource, "resource", longest: longest),
            audience: try unsafe Input.text(fields.audience, "audience", longest: longest),
            endUser: EndUser(
                ipAddress: try unsafe Input.text(fields.ip_address, "ip_address", longest: longest),
                userAgent: try unsafe Input.text(fields.user_agent, "user_agent", longest: longest),
                deviceID: try unsafe Input.text(fields.device_id, "device_id", longest: longest)))
        deadline = try Input.milliseconds(unsafe fields.deadline_ms, "deadline_ms").map { .milliseconds($0) }
        lease = try Input.milliseconds(unsafe fields.lease_ms, "lease_ms", atLeast: 1).map { .milliseconds($0) }
    }
}
