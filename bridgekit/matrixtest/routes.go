package matrixtest

// Names of routes that tests count, fail or take away.
const (
	RouteVersions    = "GET /_matrix/client/versions"
	RouteWhoami      = "GET /_matrix/client/v3/account/whoami"
	RouteRegister    = "POST /_matrix/client/v3/register"
	RouteLogin       = "POST /_matrix/client/v3/login"
	RouteCreateRoom  = "POST /_matrix/client/v3/createRoom"
	RouteJoin        = "POST /_matrix/client/v3/join/{roomIdOrAlias}"
	RouteJoinRoom    = "POST /_matrix/client/v3/rooms/{roomId}/join"
	RouteKnock       = "POST /_matrix/client/v3/knock/{roomIdOrAlias}"
	RouteInvite      = "POST /_matrix/client/v3/rooms/{roomId}/invite"
	RouteLeave       = "POST /_matrix/client/v3/rooms/{roomId}/leave"
	RouteKick        = "POST /_matrix/client/v3/rooms/{roomId}/kick"
	RouteBan         = "POST /_matrix/client/v3/rooms/{roomId}/ban"
	RouteUpgrade     = "POST /_matrix/client/v3/rooms/{roomId}/upgrade"
	RouteSend        = "PUT /_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}"
	RouteRedact      = "PUT /_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}"
	RouteState       = "PUT /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}"
	RouteGetState    = "GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}"
	RouteMessages    = "GET /_matrix/client/v3/rooms/{roomId}/messages"
	RouteEvent       = "GET /_matrix/client/v3/rooms/{roomId}/event/{eventId}"
	RouteRelations   = "GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}"
	RouteMembers     = "GET /_matrix/client/v3/rooms/{roomId}/members"
	RouteJoinedRooms = "GET /_matrix/client/v3/joined_rooms"
	RouteTyping      = "PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}"
	RouteReceipt     = "POST /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}"
	RouteReadMarkers = "POST /_matrix/client/v3/rooms/{roomId}/read_markers"
	RoutePresence    = "PUT /_matrix/client/v3/presence/{userId}/status"
	RouteGetProfile  = "GET /_matrix/client/v3/profile/{userId}"
	RouteProfile     = "PUT /_matrix/client/v3/profile/{userId}/{keyName}" // displayname, avatar_url, others
	RouteGetAlias    = "GET /_matrix/client/v3/directory/room/{roomAlias}"
	RouteAlias       = "PUT /_matrix/client/v3/directory/room/{roomAlias}"
	RouteDelAlias    = "DELETE /_matrix/client/v3/directory/room/{roomAlias}"
	RouteSync        = "GET /_matrix/client/v3/sync"
	RouteUpload      = "POST /_matrix/media/v3/upload"
	RouteUploadTo    = "PUT /_matrix/media/v3/upload/{serverName}/{mediaId}"
	RouteCreateMedia = "POST /_matrix/media/v1/create"
	RouteDownload    = "GET /_matrix/client/v1/media/download/{serverName}/{mediaId}"
	RouteThumbnail   = "GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}"
	RouteMediaConfig = "GET /_matrix/client/v1/media/config"
	RoutePing        = "POST /_matrix/client/v1/appservice/{appserviceId}/ping"
	RouteDevice      = "PUT /_matrix/client/v3/devices/{deviceId}"

	RouteUploadKeys   = "POST /_matrix/client/v3/keys/upload"
	RouteQueryKeys    = "POST /_matrix/client/v3/keys/query"
	RouteClaimKeys    = "POST /_matrix/client/v3/keys/claim"
	RouteCrossSigning = "POST /_matrix/client/v3/keys/device_signing/upload"
	RouteSignatures   = "POST /_matrix/client/v3/keys/signatures/upload"
	RouteSendToDevice = "PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId}"
)

// routes is the whole table of endpoints.
func routes() []*route {
	var all []*route
	for _, part := range [][]*route{accountRoutes(), roomRoutes(), readRoutes(), miscRoutes(), mediaRoutes(), keyRoutes()} {
		all = append(all, part...)
	}
	return all
}

func accountRoutes() []*route {
	const v3 = "/_matrix/client/v3/"
	return []*route{
		{name: RouteVersions, handle: (*call).versions, flags: open},
		{name: RouteWhoami, handle: (*call).whoami},
		{name: RouteRegister, handle: (*call).register, flags: open},
		{name: "GET " + v3 + "register/available", handle: (*call).registerAvailable, flags: open},
		{name: "GET " + v3 + "login", handle: (*call).loginFlows, flags: open},
		{name: RouteLogin, handle: (*call).login, flags: open},
		{name: "POST " + v3 + "logout", handle: (*call).logout},
		{name: "GET " + v3 + "capabilities", handle: (*call).capabilities},
		{name: RouteGetProfile, also: []string{v3 + "profile/{userId}/{keyName}"}, handle: (*call).getProfile, flags: open},
		{name: RouteProfile, handle: (*call).putProfile},
		{name: "DELETE " + v3 + "profile/{userId}/{keyName}", handle: (*call).deleteProfile},
		{name: "GET " + v3 + "user/{userId}/account_data/{type}", handle: (*call).getAccountData},
		{name: "PUT " + v3 + "user/{userId}/account_data/{type}", handle: (*call).putAccountData},
		{name: "GET " + v3 + "user/{userId}/rooms/{roomId}/account_data/{type}", handle: (*call).getRoomData},
		{name: "PUT " + v3 + "user/{userId}/rooms/{roomId}/account_data/{type}", handle: (*call).putRoomData},
		{name: "GET " + v3 + "user/{userId}/rooms/{roomId}/tags", handle: (*call).getTags},
		{name: "PUT " + v3 + "user/{userId}/rooms/{roomId}/tags/{tag}", handle: (*call).putTag},
		{name: "DELETE " + v3 + "user/{userId}/rooms/{roomId}/tags/{tag}", handle: (*call).deleteTag},
		{name: "GET " + v3 + "pushrules/", also: []string{v3 + "pushrules/global/"}, handle: (*call).getPushRules},
		{name: "GET " + v3 + "pushrules/global/{kind}/{ruleId}", handle: (*call).getPushRule},
		{name: "PUT " + v3 + "pushrules/global/{kind}/{ruleId}", handle: (*call).putPushRule},
		{name: "DELETE " + v3 + "pushrules/global/{kind}/{ruleId}", handle: (*call).deletePushRule},
		{name: "POST " + v3 + "user/{userId}/filter", handle: (*call).createFilter},
		{name: "GET " + v3 + "user/{userId}/filter/{filterId}", handle: (*call).getFilter},
		{name: "GET " + v3 + "devices", handle: (*call).getDevices},
		{name: "GET " + v3 + "devices/{deviceId}", handle: (*call).getDevice},
		{name: RouteDevice, handle: (*call).putDevice},
		{name: "DELETE " + v3 + "devices/{deviceId}", handle: (*call).deleteDevice},
		{name: RouteSync, handle: (*call).sync},
	}
}

func roomRoutes() []*route {
	const rooms = "/_matrix/client/v3/rooms/{roomId}/"
	return []*route{
		{name: RouteCreateRoom, handle: (*call).createRoom},
		{name: RouteJoin, handle: (*call).joinAlias},
		{name: RouteJoinRoom, handle: (*call).joinRoom},
		{name: RouteKnock, handle: (*call).knock},
		{name: RouteLeave, handle: (*call).leave},
		{name: "POST " + rooms + "forget", handle: (*call).forget},
		{name: RouteInvite, handle: (*call).invite},
		{name: RouteKick, handle: (*call).kick},
		{name: RouteBan, handle: (*call).ban},
		{name: "POST " + rooms + "unban", handle: (*call).unban},
		{name: RouteUpgrade, handle: (*call).upgrade},
		{name: RouteSend, handle: (*call).send, flags: once},
		{name: RouteRedact, handle: (*call).redact, flags: once},
		{name: RouteState, also: []string{rooms + "state/{eventType}"}, handle: (*call).putState},
		{name: RouteTyping, handle: (*call).typing},
		{name: RouteReceipt, handle: (*call).receipt},
		{name: RouteReadMarkers, handle: (*call).readMarkers},
	}
}

func readRoutes() []*route {
	const (
		rooms     = "/_matrix/client/v3/rooms/{roomId}/"
		relations = "/_matrix/client/v1/rooms/{roomId}/relations/{eventId}"
	)
	return []*route{
		{name: "GET " + rooms + "state", handle: (*call).getAllState},
		{name: RouteGetState, also: []string{rooms + "state/{eventType}"}, handle: (*call).getState},
		{name: RouteMembers, handle: (*call).getMembers},
		{name: "GET " + rooms + "joined_members", handle: (*call).joinedMembers},
		{name: RouteJoinedRooms, handle: (*call).joinedRooms},
		{name: RouteEvent, handle: (*call).getEvent},
		{name: "GET " + rooms + "context/{eventId}", handle: (*call).context},
		{name: RouteMessages, handle: (*call).messages},
		{name: RouteRelations, also: []string{relations + "/{relType}", relations + "/{relType}/{eventType}"}, handle: (*call).relations},
	}
}

func miscRoutes() []*route {
	const v3 = "/_matrix/client/v3/"
	return []*route{
		{name: RouteGetAlias, handle: (*call).getAlias, flags: open},
		{name: RouteAlias, handle: (*call).putAlias},
		{name: RouteDelAlias, handle: (*call).deleteAlias},
		{name: "GET " + v3 + "rooms/{roomId}/aliases", handle: (*call).roomAliases},
		{name: "GET " + v3 + "directory/list/room/{roomId}", handle: (*call).getListed, flags: open},
		{name: "PUT " + v3 + "directory/list/room/{roomId}", handle: (*call).putListed},
		{name: "GET " + v3 + "publicRooms", handle: (*call).publicRooms, flags: open},
		{name: "GET " + v3 + "presence/{userId}/status", handle: (*call).getPresence},
		{name: RoutePresence, handle: (*call).putPresence},
		{name: RoutePing, handle: (*call).ping},
	}
}

func keyRoutes() []*route {
	return []*route{
		{name: RouteUploadKeys, handle: (*call).uploadKeys},
		{name: RouteQueryKeys, handle: (*call).queryKeys},
		{name: RouteClaimKeys, handle: (*call).claimKeys},
		{name: RouteCrossSigning, handle: (*call).uploadCrossSigning},
		{name: RouteSignatures, handle: (*call).uploadSignatures},
		{name: RouteSendToDevice, handle: (*call).sendToDevice, flags: once},
	}
}

func mediaRoutes() []*route {
	const (
		media = "/_matrix/client/v1/media/"
		old   = "/_matrix/media/v3/"
	)
	return []*route{
		{name: RouteUpload, handle: (*call).upload, flags: stream},
		{name: RouteUploadTo, handle: (*call).uploadTo, flags: stream},
		{name: RouteCreateMedia, handle: (*call).createMedia},
		{name: RouteDownload, also: []string{media + "download/{serverName}/{mediaId}/{fileName}"}, handle: (*call).download},
		{name: RouteThumbnail, handle: (*call).thumbnail},
		{name: RouteMediaConfig, handle: (*call).mediaConfig},
		{name: "GET " + old + "config", handle: (*call).mediaConfig},
		{name: "GET " + old + "download/{serverName}/{mediaId}", also: []string{old + "download/{serverName}/{mediaId}/{fileName}"},
			handle: (*call).legacyDownload, flags: open},
		{name: "GET " + old + "thumbnail/{serverName}/{mediaId}", handle: (*call).legacyMedia, flags: open},
	}
}
