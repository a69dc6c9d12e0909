/**
 * The shapes that come over the wire, for the type checker: documents and their bodies (docs/tablet-protocol.md).
 * Every instant is ISO-8601 in UTC. Missing values are null.
 */

/**
 * One thing that a stream's readers hold, or a thing that they no longer hold.
 * @typedef {{c: string, id: string, n: number, b?: any, gone?: string}} WireDocument
 */

/**
 * One stream's part of an exchange. `reset`: what was held is void, the documents are the whole.
 * @typedef {{number: number, floor?: number, documents: WireDocument[], digest?: string, count?: number, more?: boolean, reset?: boolean}} StreamAnswer
 */

/**
 * One action on its way up. Its arguments are sealed, or plain where a page may not seal.
 * @typedef {object} Envelope
 * @property {number} seq
 * @property {string} id
 * @property {string} kind
 * @property {number} v
 * @property {Record<string, unknown>} [args]
 * @property {{kid: string, epk: string, iv: string, ct: string}} [sealed]
 * @property {number[]} after
 * @property {string} actor
 * @property {string} happened_at
 * @property {true} [jumped]
 */

/**
 * What became of one action.
 * @typedef {object} ActionAnswer
 * @property {number} seq
 * @property {"applied"|"refused"|"quarantined"} status
 * @property {any} [answer]
 * @property {string[]} [flags]
 * @property {string} [code]
 * @property {string} [message]
 * @property {Record<string, any>} [facts]
 * @property {string|number|null} [ticket]
 * @property {boolean} [replayed]
 */

/**
 * The answer of POST /api/sync. Beyond `now`, `streams`, `dropped` and `next_poll_s`, only a tablet that sends actions is
 * told anything.
 * @typedef {object} SyncAnswer
 * @property {string} now
 * @property {Record<string, StreamAnswer>} streams
 * @property {{stream: string, why: string}[]} [dropped]
 * @property {number} [next_poll_s]
 * @property {string} [epoch]
 * @property {number} [seq]
 * @property {ActionAnswer[]} [answers]
 * @property {number} [expected_seq]
 * @property {string|null} [lease_until]
 * @property {boolean} [purge]
 * @property {boolean} [resync]
 */

/**
 * One whole transaction of one stream, as the live line brings it.
 * @typedef {{t: "frame", s: string, prev: number, n: number, d: WireDocument[]}} Frame
 */

/** @typedef {[number, number]} Point longitude, latitude */

/** @typedef {{code: string, label: string, color: "GREEN"|"YELLOW"|"RED"}} CallType */

/**
 * A call as the board of its area shows it.
 * @typedef {object} BoardCall
 * @property {string} number
 * @property {"PENDING"|"ASSIGNED"} status
 * @property {"CARE"|"POLICE"} queue
 * @property {"CARE"|"POLICE"|"EMS"|"CARE+POLICE"|"CARE+EMS"} response
 * @property {boolean} care_available
 * @property {string[]} reasons
 * @property {CallType} type
 * @property {number} priority 1 is the most urgent
 * @property {string} address
 * @property {Point|null} point
 * @property {string} place_kind
 * @property {string} received_at
 * @property {boolean} police_assigned
 * @property {boolean} caution
 * @property {string|null} offered_at
 * @property {Record<string, string>} answers
 * @property {number[]} units
 * @property {("POLICE"|"EMS")[]} [tandem] who comes beside CARE
 * @property {BoardReferral|null} [referral] who referred it, and whether they wait there
 */

/** @typedef {{source: string, staying: boolean, since: string}} BoardReferral */
/** @typedef {BoardReferral & {id: number, searched: "YES"|"NO"|"UNKNOWN", due_at: string|null, handed_over_at: string|null}} CallReferral */

/**
 * @typedef {object} Assignment
 * @property {number} id
 * @property {string} status
 * @property {string} origin
 * @property {boolean} primary
 * @property {string} assigned_at
 * @property {string|null} delivered_at
 * @property {string|null} acknowledged_at
 * @property {string|null} en_route_at
 * @property {string|null} staged_at
 * @property {string|null} on_scene_at
 * @property {string|null} transporting_at
 * @property {string|null} at_destination_at
 * @property {string|null} hand_back_asked_at
 * @property {string|null} cancel_told_at
 * @property {string|null} [welfare_due_at] by when the crew should be heard of; absent before there was such a thing
 * @property {string|null} [welfare_backup_at] when the server asked for backup because it was not
 * @property {string} acknowledged_by
 * @property {string} destination
 * @property {number|null} persons
 * @property {string} radio_asked_by
 */

/** @typedef {{id: number, reasons: string[], raised_at: string, acknowledged_at: string|null, acknowledged_by: string}} Stop */

/**
 * A call as the crew that holds it sees it.
 * @typedef {object} OwnCallParts
 * @property {string} source
 * @property {string[]} [markers]
 * @property {string} [own_number] ours, of an on-view encounter
 * @property {string|null} [on_view_key] what the tablet called it
 * @property {import("./actions.js").Action} [local] what made it, where only this tablet knows of it
 * @property {string} narrative
 * @property {string} caller_phone
 * @property {string} caller_wish
 * @property {string} language
 * @property {boolean} interpreter
 * @property {boolean} sign_language
 * @property {{text: string, expires_at: string}[]} cautions
 * @property {string|null} cautions_as_of
 * @property {string[]} police_units
 * @property {string|null} police_assigned_at
 * @property {string|null} cad_closed_at
 * @property {{unit: number, call_sign: string, primary: boolean, status: string}[]} units
 * @property {{unit: number, call_sign: string}[]} outside_units
 * @property {Assignment} assignment
 * @property {Stop[]} stops
 * @property {{state: string, reason: string, settled_at: string|null}|null} poach
 * @property {{id: number, to_unit: number, asked_at: string}|null} hand_over
 * @property {TandemBody[]} [tandem]
 * @property {CallReferral|null} [referral]
 */

/** @typedef {Omit<BoardCall, "units"|"tandem"|"referral"> & OwnCallParts} OwnCall */

/**
 * A unit as its areas see it; the rest only as itself sees it.
 * @typedef {object} UnitBody
 * @property {string} call_sign
 * @property {string} status
 * @property {string|null} since
 * @property {string[]} capabilities
 * @property {number} crew
 * @property {number} crew_minimum
 * @property {string} duty
 * @property {number|null} call
 * @property {string} [duty_reason]
 * @property {string|null} [duty_since]
 * @property {boolean} [outside]
 * @property {boolean} [retired]
 * @property {number[]} [areas]
 * @property {{id: number, name: string, shift: number, started_at: string, planned_end_at: string}[]} [people]
 */

/** @typedef {{call: number, text: string, by: string, origin: "CAD"|"DESK"|"UNIT", at: string}} NoteBody */

/**
 * CARE and one partner on a call. `first`: who goes in first; the other one waits at the staging point.
 * @typedef {object} TandemBody
 * @property {number} id
 * @property {"POLICE"|"EMS"} partner
 * @property {string} state
 * @property {string[]} reasons
 * @property {string} asked_as
 * @property {"PARTNER"|"CARE"|"TOGETHER"} first
 * @property {Point|null} staging
 * @property {string} staging_note
 * @property {string} partner_unit
 * @property {string} officer
 * @property {string} asked_at
 * @property {string} asked_by
 * @property {string} due_at
 * @property {string|null} partner_assigned_at
 * @property {string|null} partner_arrived_at
 * @property {string|null} safe_at
 * @property {string} safe_by
 * @property {string} safe_relayed_by
 * @property {string|null} partner_released_at
 * @property {string|null} withdrawn_at
 * @property {string|null} ended_at
 */

/** @typedef {{call: number, unit: number, origin: "DESK"|"UNIT", text: string, canned: string, by: string, at: string, delivered_at: string|null, read_at: string|null, read_by: string}} MessageBody */

/**
 * A photo or a signature on a call; the picture itself is at /api/attachments/<sha256>/. What is null is not known before
 * it is READY; `code` says why it was REFUSED.
 * @typedef {object} AttachmentBody
 * @property {number} call
 * @property {string} sha256 of what the tablet had
 * @property {"PHOTO"|"SIGNATURE"} purpose
 * @property {string} caption
 * @property {string} by
 * @property {string} at
 * @property {"WAITING"|"READY"|"REFUSED"} state
 * @property {string|null} code
 * @property {string|null} type
 * @property {number|null} size
 * @property {number|null} width
 * @property {number|null} height
 */

/**
 * Another crew asks this one to take its call over.
 * @typedef {object} OfferBody
 * @property {number} call
 * @property {number} from_unit
 * @property {string} from_call_sign
 * @property {CallType} type
 * @property {number} priority
 * @property {string} address
 * @property {Point|null} point
 * @property {string} status
 * @property {string} asked_at
 */

/** @typedef {{number: string, type: string, at: string, disposition: string}} PastCall */
/** @typedef {{call: number, as_of: string, here: PastCall[], nearby: PastCall[]}} PremiseBody */
/** @typedef {{weekday: number, opens: string, closes: string, valid_from: string, valid_to: string|null}} Hours */
/** @typedef {{name: string, polygon: {type: "MultiPolygon", coordinates: Point[][][]}, hours: Hours[], valid_from: string, valid_to: string|null}} AreaBody */
/** @typedef {Record<string, any> & {name: string, timezone: string, has_cad: boolean}} AgencyBody */

/**
 * A refusal, or any answer that is no answer of an action.
 * @typedef {{code: string, message: string, facts?: Record<string, any>}} Problem
 */

export {};
