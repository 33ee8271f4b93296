/** A rule of the RFCs that a test has to prove. */
export interface RequirementRow {
  /** What tests call it in their names, as in `PAT-12`. */
  readonly id: string;
  /** 1 for the core, which is proved without exception where that is possible; 2 for the rest. */
  readonly tier: 1 | 2;
  /** Where it stands: `RFC 7644, 3.5.2`. */
  readonly source: string;
  /** What it says, in short; the RFC has the whole of it. */
  readonly statement: string;
}

/** Every rule of RFC 7643, 7644 and 9865, and what RFC 6585, 6750, 7232 and 9110 add to them: id, tier, source and statement. */
const table = `
HTTP-01 1 RFC 7644, 3.8: JSON goes both ways as UTF-8, which is also meant when no charset is named
HTTP-02 1 RFC 7644, 3.8: who asks for application/scim+json gets it
HTTP-03 1 RFC 7644, 3.8: who asks for application/json gets JSON, not a refusal
HTTP-04 1 RFC 7644, 3.8: who asks for nothing in particular gets application/scim+json
HTTP-05 2 RFC 7644, 3.1, 8.1: every body, of lists and errors too, has the SCIM media type
HTTP-06 2 RFC 7644, 3.8, 8.1: a body labelled application/scim+json is taken
HTTP-07 1 RFC 7644, 8.1: a body labelled application/json is taken as the same
HTTP-08 2 RFC 9110, 15.5.16: a body of another media type is refused
HTTP-09 2 RFC 7644, 3.12: a body that is no JSON is the client's error, told in SCIM form
HTTP-10 2 RFC 7644, 3.8: the suffix .scim may choose the representation; it never breaks the server
HTTP-11 1 RFC 7644, 3.4.2: query parameters that mean nothing are passed over
HTTP-12 1 RFC 7644, 3.13: the version is "v" and a number, right before the endpoint; another one is refused
HTTP-13 1 RFC 7644, 3.13: a base URL without a version means the newest, where there is such a URL
HTTP-14 1 RFC 7644, 1.2: URLs are percent-decoded once: filters, and URNs in the path
HTTP-15 2 RFC 7644, 3.2: a PUT creates nothing
HTTP-16 2 RFC 7644, 3.12: what is not implemented is refused with a SCIM error and never succeeds
HTTP-17 2 RFC 7644, 1.3: the base URL, and so every location, has no query
HTTP-18 2 RFC 7644, 3.2: the status of an error is the same in the status line and in the body
HTTP-19 1 RFC 7643, 2.1: names in JSON are read in any letter case
HTTP-20 1 RFC 7643, 2.3.8, 3: the order of members, and of schemas, means nothing
HTTP-21 2 RFC 9110, 9.3.2: HEAD answers like GET, without the body
HTTP-22 2 RFC 7644, 3.12: a redirect by 307 or 308 keeps method and body

AUTH-01 1 RFC 7644, 2: a 401 names the scheme to use in WWW-Authenticate
AUTH-02 1 RFC 7644, 3.12: a missing or wrong credential is a 401
AUTH-03 1 RFC 7644, 3.12: a good credential that may not do this is a 403
AUTH-04 2 RFC 7644, 2: every client reaches what its own policy lets it reach, and nothing else
AUTH-05 1 RFC 7644, 7.4: a token ends at a time that the server knows
AUTH-06 2 RFC 7644, 7.4: a token cannot be guessed
AUTH-07 2 RFC 7644, 7.2, 7.4: everything travels over TLS, 1.2 at least
AUTH-08 1 RFC 7643, 5: the authentication schemes can be read before authenticating
AUTH-09 2 RFC 7644, 7.6: creation without a credential, if there is any, is limited and inactive
AUTH-10 1 RFC 7644, 2: Basic authentication is not offered
AUTH-11 1 RFC 7644, 2.1, 7.3: a token that is altered, unsigned, expired or for somebody else is refused
AUTH-12 1 RFC 6750, 2.3: a token in the URL counts for nothing

DISC-01 1 RFC 7644, 4: ServiceProviderConfig is one object of its schema, not a list
DISC-02 1 RFC 7643, 5: patch.supported says whether PATCH works
DISC-03 1 RFC 7643, 5: bulk says whether there is Bulk, and its two limits as integers
DISC-04 1 RFC 7643, 5: filter says whether there are filters, and how long a list can be
DISC-05 1 RFC 7643, 5: changePassword, sort and etag each say whether they are supported
DISC-06 1 RFC 7643, 5: authenticationSchemes lists at least one scheme with type, name and description
DISC-07 1 RFC 7643, 5: nobody changes ServiceProviderConfig
DISC-08 2 RFC 7643, 5, 3.1: ServiceProviderConfig needs no id; its meta says where it is
DISC-09 1 RFC 7644, 4: /ResourceTypes and /Schemas are lists of everything
DISC-10 1 RFC 7644, 4, 3.4.1: one resource type, or schema, is found by its name, or URN, as a bare object
DISC-11 1 RFC 7644, 3.12: a resource type or schema that does not exist is a 404
DISC-12 1 RFC 7644, 4: a filter on discovery is a 403
DISC-13 1 RFC 7644, 4: sorting and paging of discovery are passed over
DISC-14 1 RFC 7643, 6: a resource type names schemas that are published, and whether an extension is required
DISC-15 1 RFC 7643, 6: the name of a resource type is the meta.resourceType of its resources
DISC-16 1 RFC 7643, 6: the endpoint of a resource type is relative to the base URL
DISC-17 1 RFC 7643, 6: a required extension must be in each resource
DISC-18 1 RFC 7643, 7: a schema has each attribute with each of its characteristics
DISC-19 1 RFC 7643, 7: complex attributes have parts, and no part is complex itself
DISC-20 1 RFC 7643, 7: nobody changes schemas and resource types
DISC-21 1 RFC 7643, 7: a schema document has schemas and meta itself
DISC-22 1 RFC 7644, 3.1: the schemas of messages are not published
DISC-23 2 RFC 7644, 3.2: the endpoint of a resource type is its name in the plural
DISC-24 2 RFC 7643, 2.3.8, 7: referenceTypes stand at references alone
DISC-25 2 RFC 7643, 3: a resource type that is published is served

CRE-01 1 RFC 7644, 3.3: a creation answers 201
CRE-02 1 RFC 7644, 3.3: Location and meta.location are the URL of what was created
CRE-03 1 RFC 7644, 3.3: the answer to a creation is the resource as the server has it
CRE-04 1 RFC 7643, 3.1: the server makes the id, unique and never used again; one that is sent is ignored
CRE-05 1 RFC 7643, 3.1: no id contains "bulkId"
CRE-06 1 RFC 7643, 3.1: the server makes meta; one that is sent is ignored
CRE-07 1 RFC 7644, 3.3.1: meta.resourceType follows the endpoint
CRE-08 1 RFC 7643, 3.1: of a resource never changed, lastModified is created
CRE-09 1 RFC 7643, 2.3.5: times have the form of xsd:dateTime
CRE-10 1 RFC 7644, 3.3: what is read-only is ignored in a creation
CRE-11 1 RFC 7644, 3.3: a unique value that is taken is a 409 uniqueness
CRE-12 1 RFC 7643, 4.1.1: userName is unique whatever its letter case
CRE-13 2 RFC 7644, 5, 7.8: userName is prepared by PRECIS before it is compared
CRE-14 1 RFC 7643, 4.1.1: userName is required and not empty
CRE-15 1 RFC 7643, 3: schemas is required and names what the resource type has, each once
CRE-16 1 RFC 7643, 3.3: schemas names the base schema at least
CRE-17 1 RFC 7644, 3.12: a value of the wrong JSON type is a 400 invalidValue
CRE-18 2 RFC 7644, 3.3: null or an empty list leaves an attribute unassigned, whatever its default
CRE-19 1 RFC 7643, 3.1: externalId is kept as sent and never made up
CRE-20 1 RFC 7643, 3.1: the server does not make externalId unique
CRE-21 1 RFC 7643, 4.1.1: a password is accepted and never returned
CRE-22 1 RFC 7644, 3.9: attributes and excludedAttributes apply to the answer of a creation
CRE-23 2 RFC 7644, 3.12: a body that is empty, a list or a bare value is refused
CRE-24 2 RFC 7644, 3.3: an attribute that the schema does not have is not stored
CRE-25 1 RFC 7643, 4.2: displayName of a group is required
CRE-26 1 RFC 7643, 3.1: Content-Location, if sent, is meta.location
CRE-27 1 RFC 7644, 3.14: the ETag of a creation is its meta.version
CRE-28 2 RFC 7644, 3.3: a creation that is refused leaves nothing behind

GET-01 1 RFC 7644, 3.4.1: a resource that exists is a 200 with its representation
GET-02 1 RFC 7644, 3.12: an id that does not exist is a 404
GET-03 2 RFC 7644, 3.4.1: a resource is found at the endpoint of its type alone
GET-04 2 RFC 7643, 3.1: ids are compared with their letter case
GET-05 1 RFC 7644, 3.4: an answer has what is returned always and by default, and nothing else
GET-06 2 RFC 7643, 2.5: what is unassigned is left out
GET-07 1 RFC 7643, 3: schemas lists the base schema and the extensions in use, each once
GET-08 1 RFC 7643, 2.4: a type and value together appear once in a list of values
GET-09 2 RFC 7643, 3.1: every representation has an id
GET-10 2 RFC 7644, 3.12: a filter on one resource does no harm
GET-11 1 RFC 7644, 3.4.1: Location of a read is meta.location

QRY-01 1 RFC 7644, 3.4.2: a list is a ListResponse with an integer totalResults
QRY-02 1 RFC 7644, 3.4.2: Resources is there when anything was found
QRY-03 1 RFC 7644, 3.4.2: finding nothing is a success
QRY-04 1 RFC 7644, 3.4.2: a page says where it begins and how long it is
QRY-05 1 RFC 7644, 3.4.2.1: a query at the root goes over every resource type
QRY-06 1 RFC 7644, 3.4.2.1: in a query over types, what a type does not have is without a value there
QRY-07 1 RFC 7644, 3.4.2.1: a result that is too large is refused, or paged
QRY-08 2 RFC 7644, 3.6: what was deleted is in no list
QRY-09 1 RFC 7643, 5: no page is longer than filter.maxResults
QRY-10 1 RFC 7644, 7.5.2: a filter on a secret in a URL is a 403 sensitive

FLT-01 1 RFC 7644, 3.4.2.2: what matches is found, and nothing else
FLT-02 1 RFC 7644, 3.4.2.2: names in a filter have any letter case
FLT-03 1 RFC 7644, 3.4.2.2: operators have any letter case
FLT-04 1 RFC 7644, 3.4.2.2: text that is not caseExact is compared without its case
FLT-05 1 RFC 7644, 3.4.2.2: text that is caseExact is compared with its case
FLT-06 2 RFC 7644, 3.4.2.2: ne finds other values, and no value
FLT-07 1 RFC 7644, 3.4.2.2: co finds a part
FLT-08 1 RFC 7644, 3.4.2.2: sw finds a beginning, the whole too
FLT-09 1 RFC 7644, 3.4.2.2: ew finds an end, the whole too
FLT-10 1 RFC 7644, 3.4.2.2: pr finds what has a value that is not empty
FLT-11 1 RFC 7644, 3.4.2.2: pr of a complex attribute asks whether any part has a value
FLT-12 1 RFC 7644, 3.4.2.2: gt, ge, lt and le compare text letter by letter
FLT-13 1 RFC 7644, 3.4.2.2: gt, ge, lt and le compare times by the instant
FLT-14 1 RFC 7644, 3.4.2.2: gt, ge, lt and le compare numbers by their size
FLT-15 1 RFC 7644, 3.4.2.2: truth values have no order
FLT-16 1 RFC 7644, 3.4.2.2: binary values have no order
FLT-17 1 RFC 7644, 3.4.2.2: truth values are written without quotes
FLT-18 1 RFC 7644, 3.4.2.2: values are written as in JSON, escapes too
FLT-19 2 RFC 7643, 2.5: eq null finds what has no value, ne null the rest
FLT-20 1 RFC 7644, 3.4.2.2: and binds more closely than or
FLT-21 1 RFC 7644, 3.4.2.2: not binds more closely than and
FLT-22 1 RFC 7644, 3.4.2.2: parentheses bind first, and nest
FLT-23 1 RFC 7644, 3.4.2.2: not needs parentheses, with or without a blank before them
FLT-24 1 RFC 7644, 3.4.2.2, 3.10: a core attribute may be named with its URN, in any letter case
FLT-25 1 RFC 7644, 3.4.2.2, 3.10: an attribute of an extension, and its parts, are named with the URN
FLT-26 1 RFC 7644, 3.4.2.2: of several values one that matches is enough
FLT-27 1 RFC 7644, 3.4.2.2: a list of complex values is compared by its values
FLT-28 1 RFC 7644, 3.4.2.2: in brackets all must hold for the same value
FLT-29 1 RFC 7644, 3.4.2.2: brackets combine with and, or, not and other terms
FLT-30 1 RFC 7644, 3.4.2.2: not, and, or and parentheses work in brackets
FLT-31 2 RFC 7644, 3.4.2.2: brackets in brackets are refused
FLT-32 1 RFC 7644, 3.4.2.2: a part behind the brackets is refused, or understood
FLT-33 1 RFC 7644, 3.4.2.2: an operator that does not exist is refused, never passed over
FLT-34 1 RFC 7644, 3.12: a filter that is broken is refused
FLT-35 2 RFC 7644, 3.12: an operator that the type does not have is refused
FLT-36 2 RFC 7644, 3.4.2.1: an attribute that the schema does not have finds nothing, or is refused
FLT-37 2 RFC 7644, 3.4.2.2: a filter on schemas finds who has an extension
FLT-38 2 RFC 7644, 3.4.2.2: id, externalId and meta can be filtered by
FLT-39 1 RFC 7644, 3.4.2.2: a default is compared as it was returned
FLT-40 1 RFC 7644, 7.8, 5: text is normalised before it is compared
FLT-41 2 RFC 7643, 4.1.1: a filter on the password tells nothing
FLT-42 2 RFC 7644, 3.4.2.2: groups are found by name and by member
FLT-43 2 RFC 7643, 2.3.7: references are compared with their case, whether relative or absolute
FLT-44 2 RFC 7644, 7.7: the text of a filter is only text to the database
FLT-45 2 RFC 7644, 3.12: a filter that is too long or too deep is refused cleanly
FLT-46 2 RFC 7644, 3.4.2.2: blanks between words do not matter, those in quotes do
FLT-47 2 RFC 7644, 3.4.2.2: numbers are those of JSON

SRT-01 1 RFC 7644, 3.4.2.3: sortBy sorts, upwards unless said otherwise
SRT-02 1 RFC 7644, 3.4.2.3: sortOrder sorts up or down
SRT-03 1 RFC 7644, 3.4.2.3: text that is not caseExact is sorted without its case
SRT-04 1 RFC 7644, 3.4.2.3: text that is caseExact is sorted by its code points
SRT-05 2 RFC 7644, 3.4.2.3: no language has an order of its own
SRT-06 1 RFC 7644, 3.4.2.3: of several values the primary one counts, else the first
SRT-07 1 RFC 7644, 3.4.2.3: a complex attribute is sorted by a part of it
SRT-08 1 RFC 7644, 3.4.2.3: who has no value comes last, and first when sorted downwards
SRT-09 1 RFC 7644, 3.4.2.3: times, numbers and truth values are sorted as such
SRT-10 2 RFC 7644, 3.4.2.3, 3.10: sortBy takes URNs and any letter case
SRT-11 2 RFC 7644, 3.12: a sortOrder or sortBy that means nothing is told
SRT-12 2 RFC 7644, 3.4.2.3: sorting that is not supported does not break a request
SRT-13 2 RFC 7644, 3.4.2.3, 3.4.2.4: sorted pages do not overlap and leave nobody out
SRT-14 2 RFC 7644, 3.4.2.3: sortOrder alone does nothing

PAG-01 1 RFC 7644, 3.4.2.4: startIndex counts from 1, where it begins by default
PAG-02 1 RFC 7644, 3.4.2.4: a startIndex below 1 means 1
PAG-03 1 RFC 7644, 3.4.2.4: no page has more than count
PAG-04 1 RFC 7644, 3.4.2.4: a count of 0 asks for the total alone
PAG-05 1 RFC 7644, 3.4.2.4: a negative count means 0
PAG-06 1 RFC 7644, 3.4.2.4: itemsPerPage is how many the page has
PAG-07 1 RFC 7644, 3.4.2.4: totalResults is how many match, whatever the page
PAG-08 2 RFC 7644, 3.4.2.4: a startIndex past the end is an empty page
PAG-09 2 RFC 7644, 3.4.2.4: without count the server chooses the size of a page
PAG-10 1 RFC 7644, 3.4.2.4: a count above the limit means the limit
PAG-11 2 RFC 7644, 3.12: a startIndex or count that is no whole number is refused
PAG-12 2 RFC 7644, 3.4.2.4: a walk over all pages meets everybody once
PAG-13 2 RFC 7644, 3.4.2.4: filter, sorting and paging work together

ATT-01 1 RFC 7644, 3.4.2.5: attributes and excludedAttributes apply wherever a resource is answered
ATT-02 1 RFC 7644, 3.9: attributes replaces what is returned by default
ATT-03 1 RFC 7644, 3.9: excludedAttributes takes away from what is returned by default
ATT-04 1 RFC 7644, 3.4.2.5: what is always returned cannot be excluded
ATT-05 1 RFC 7644, 3.9: a part can be chosen
ATT-06 1 RFC 7644, 3.9: a part can be excluded
ATT-07 1 RFC 7644, 3.10: names have any letter case and may have their URN
ATT-08 2 RFC 7644, 3.10: the URN of an extension chooses all of it
ATT-09 2 RFC 7644, 3.9: the two parameters exclude each other, or one of them wins
ATT-10 1 RFC 7643, 7: what is never returned is not returned on request either
ATT-11 1 RFC 7643, 7: what is returned on request is returned then, or when the client sent it
ATT-12 1 RFC 7643, 7: what is returned by default goes when attributes names others
ATT-13 1 RFC 7644, 3.9: names are separated by commas, blanks are passed over, and parameters add up
ATT-14 2 RFC 7644, 3.9: names that mean nothing are passed over
ATT-15 2 RFC 7644, 3.9: a projection works in lists, and changes neither filter nor order
ATT-16 2 RFC 7644, 3.9: parts of meta can be chosen
ATT-17 2 RFC 7644, 3.9: headers are there with a projected body too

SRCH-01 1 RFC 7644, 3.4.3: a POST to .search is a query
SRCH-02 1 RFC 7644, 3.4.3: a search is a message of its schema
SRCH-03 1 RFC 7644, 3.4.3: a search at the root goes over every resource type
SRCH-04 1 RFC 7644, 3.4.3: a search takes what a query by GET takes, and answers the same
SRCH-05 1 RFC 7644, 3.4.3: a search that is wrong is a 400
SRCH-06 2 RFC 7644, 3.4.3: every endpoint has a .search
SRCH-07 2 RFC 7644, 7.5.2: the text of a search is in no log
SRCH-08 2 RFC 7644, 3.4.3: a search is a POST and nothing else

PUT-01 1 RFC 7644, 3.5: there is PUT
PUT-02 1 RFC 7644, 3.5.1: a PUT answers 200 with the whole resource
PUT-03 1 RFC 7644, 3.5.1: what is sent replaces what there is
PUT-04 2 RFC 7644, 3.5.1: what is left out is cleared
PUT-05 1 RFC 7644, 3.5.1: what is read-only is ignored
PUT-06 2 RFC 7644, 3.5.1: what is immutable may be repeated and not changed
PUT-07 2 RFC 7644, 3.5.1: what is immutable may be set once
PUT-08 1 RFC 7644, 3.5.1: what is required must be sent
PUT-09 2 RFC 7644, 3.5.1: null and an empty list clear
PUT-10 1 RFC 7644, 3.5.1: a PUT of an id that does not exist creates nothing
PUT-11 2 RFC 7643, 3.1: a PUT changes lastModified and version, and not created
PUT-12 1 RFC 7644, 3.12: a unique value that is taken is a 409 in a PUT too
PUT-13 2 RFC 7643, 3.3: an extension that is left out is removed
PUT-14 2 RFC 7644, 3.5.1: a PUT without a password keeps it, and never shows it
PUT-15 1 RFC 7643, 2.4: two primary values are wrong
PUT-16 1 RFC 7643, 4.2: a PUT of a group replaces the members
PUT-17 2 RFC 7644, 3.5.1: the same PUT again changes nothing

PAT-01 1 RFC 7644, 3.5: there is PATCH
PAT-02 1 RFC 7644, 3.5.2: a PATCH is a message of its schema
PAT-03 1 RFC 7644, 3.5.2: Operations is a list that is not empty
PAT-04 1 RFC 7644, 3.5.2: op is add, remove or replace
PAT-05 2 RFC 7644, 3.5.2: op may have any letter case
PAT-06 1 RFC 7644, 3.5.2: a PATCH answers 200 with the resource, or 204
PAT-07 1 RFC 7644, 3.5.2: asked for attributes, it answers 200 with these
PAT-08 1 RFC 7644, 3.5.2: operations work in order, each on what the last one left
PAT-09 1 RFC 7644, 3.5.2: all operations are done, or none
PAT-10 1 RFC 7644, 3.5.2: a path that is no path is a 400 invalidPath
PAT-11 1 RFC 7644, 3.12: a filter in a path that is no filter is a 400 invalidFilter
PAT-12 1 RFC 7644, 3.5.2: names in a path have any letter case and may have their URN
PAT-13 1 RFC 7644, 3.5.2: adding an attribute of an extension adds its URN to schemas
PAT-14 2 RFC 7644, 3.5.2: removing all of an extension removes its URN from schemas
PAT-15 1 RFC 7644, 3.5.2: a path has no index into a list
PAT-16 1 RFC 7644, 3.5.2: what is read-only cannot be changed
PAT-17 2 RFC 7644, 3.5.2: what is immutable can be set once and not changed
PAT-18 1 RFC 7644, 3.5.2: a new primary value ends the old one
PAT-19 1 RFC 7644, 3.12: a value of the wrong type is a 400 invalidValue
PAT-20 2 RFC 7644, 3.12: an attribute that the schema does not have is a 400 invalidPath
PAT-21 2 RFC 7644, 3.12: a PATCH of an id that does not exist is a 404
PAT-22 1 RFC 7644, 3.3, 3.12: a unique value that is taken is a 409, and nothing changes
PAT-23 1 RFC 7644, 3.5.2: schemas, once changed, count for the operations behind
PAT-24 2 RFC 7644, 3.5.2: the base schema cannot be removed
PAT-30 1 RFC 7644, 3.5.2.1: add needs a value
PAT-31 1 RFC 7644, 3.5.2.1: add without a path merges an object of attributes
PAT-32 2 RFC 7644, 3.5.2.1: add without a path needs an object
PAT-33 1 RFC 7644, 3.5.2.1: add of an attribute without a value sets it
PAT-34 1 RFC 7644, 3.5.2.1: add of an attribute with one value replaces it
PAT-35 1 RFC 7644, 3.5.2.1: add to a complex attribute merges its parts
PAT-36 1 RFC 7644, 3.5.2.1: add to a list appends, one value or several
PAT-37 1 RFC 7644, 3.5.2.1: add of what is there already changes nothing, the version neither
PAT-38 1 RFC 7644, 3.5.2.1: add sets a part
PAT-39 2 RFC 7644, 3.5.2.1: add by a filter that selects nothing creates the value, or is refused
PAT-40 2 RFC 7644, 3.5.2.1: keys of a value without a path may be URNs and paths
PAT-50 1 RFC 7644, 3.5.2.2: remove without a path is a 400 noTarget
PAT-51 1 RFC 7644, 3.5.2.2: remove unassigns one value
PAT-52 1 RFC 7644, 3.5.2.2: remove of a list removes every value
PAT-53 1 RFC 7644, 3.5.2.2: remove by a filter removes what it selects
PAT-54 1 RFC 7644, 3.5.2.2: removing the last value leaves the attribute unassigned
PAT-55 1 RFC 7644, 3.5.2.2: remove by a filter and a part unassigns that part
PAT-56 1 RFC 7644, 3.5.2.2: what is required or read-only cannot be removed
PAT-57 1 RFC 7644, 3.5.2.2: removing what is not there succeeds and changes nothing
PAT-58 1 RFC 7644, 3.5.2.2: filters in a path may have and, or, not and every operator
PAT-59 2 RFC 7644, 3.5.2.2: remove with a list of values removes these, or all
PAT-70 1 RFC 7644, 3.5.2.3: replace without a path replaces what it lists, and nothing else
PAT-71 1 RFC 7644, 3.5.2.3: replace of one value
PAT-72 1 RFC 7644, 3.5.2.3: replace of a list replaces all of it
PAT-73 1 RFC 7644, 3.5.2.3: replace of what has no value adds it
PAT-74 1 RFC 7644, 3.5.2.3: replace of a complex attribute changes the parts that are given
PAT-75 1 RFC 7644, 3.5.2.3: replace by a filter changes every value that it selects
PAT-76 1 RFC 7644, 3.5.2.3: replace by a filter and a part sets that part in each
PAT-77 1 RFC 7644, 3.5.2.3: replace by a filter that selects nothing is a 400 noTarget
PAT-78 1 RFC 7643, 2.5: replace by null or an empty list unassigns
PAT-79 2 RFC 7644, 3.5.2.3: replace needs a value
PAT-80 1 RFC 7643, 4.2: a member can be added and removed, and not edited
PAT-81 1 RFC 7643, 4.1.2: the groups of a user cannot be changed at the user
PAT-82 1 RFC 7643, 4.1.1: a password can be replaced, and is not returned
PAT-83 2 RFC 7644, 3.5.2: If-Match counts for PATCH

DEL-01 1 RFC 7644, 3.6: a deletion answers 204 without a body
DEL-02 1 RFC 7644, 3.6: afterwards the id is a 404 for every method
DEL-03 1 RFC 7644, 3.6: what is deleted is in no list
DEL-04 1 RFC 7644, 3.6: what is deleted does not hinder its creation again
DEL-05 2 RFC 7644, 3.12: deleting an id that does not exist is a 404
DEL-06 2 RFC 7644, 3.14: If-Match counts for DELETE
DEL-07 2 RFC 7643, 2.3.7: memberships end with the user
DEL-08 1 RFC 7643, 3.1: an id that was deleted is not given again

BLK-01 1 RFC 7644, 3.7: a bulk request and its answer are messages of their schemas
BLK-02 1 RFC 7644, 3.7.3: every operation that was done is reported
BLK-03 1 RFC 7644, 3.7.3: each result has a location, but that of a creation that failed
BLK-04 1 RFC 7644, 3.7.3: the status of a result is text
BLK-05 1 RFC 7644, 3.7: a result that is no success has the error
BLK-06 1 RFC 7644, 3.7: the bulkId of a creation comes back
BLK-07 1 RFC 7644, 3.7: a creation needs a bulkId
BLK-08 1 RFC 7644, 3.7.2: a bulkId in later data becomes the id
BLK-09 1 RFC 7644, 3.7.2: a bulkId in an extension becomes the id too
BLK-10 2 RFC 7644, 3.7: a bulkId may be named before it is defined
BLK-11 1 RFC 7644, 3.7.1: bulkIds in a circle are resolved, or a 409
BLK-12 2 RFC 7644, 3.7.2: a bulkId that is unknown, or that failed, fails the operation
BLK-13 1 RFC 7644, 3.7: an error hinders no other operation
BLK-14 1 RFC 7644, 3.7: failOnErrors ends the job after so many errors
BLK-15 1 RFC 7644, 3.7: a job that was done is a 200, whatever became of it
BLK-16 1 RFC 7644, 3.7.4: too many operations are a 413 that names the limit
BLK-17 1 RFC 7644, 3.7.4: too many bytes are a 413 that names the limit
BLK-18 2 RFC 7644, 3.7: the method is POST, PUT, PATCH or DELETE
BLK-19 2 RFC 7644, 3.7: the path is relative to the base URL
BLK-20 1 RFC 7644, 3.7: POST, PUT and PATCH need data; that of PATCH is a whole message
BLK-21 2 RFC 7644, 3.7: the version of an operation is its If-Match
BLK-22 2 RFC 7644, 3.7.3: results have the method, and the version of what is there now
BLK-23 1 RFC 7644, 3.7: another order of work does not change what comes of it
BLK-24 2 RFC 7644, 3.7: each operation is allowed as if it were sent alone
BLK-25 2 RFC 7644, 3.7: each operation is done or not for itself
BLK-26 2 RFC 7644, 3.7, 4: Bulk that is not supported is a 501
BLK-27 1 RFC 7644, 3.12: a bulk request that is wrong is a 400
BLK-28 2 RFC 7644, 3.7: no bulkId is used twice
BLK-29 2 RFC 7644, 3.7.2: a bulkId in a path is resolved too

ETG-01 1 RFC 7644, 3.14: answers with a resource have an ETag
ETG-02 1 RFC 7644, 3.14: the ETag is meta.version
ETG-03 1 RFC 7643, 3.1: a tag that is not strong says so with W/
ETG-04 1 RFC 7644, 3.14: If-None-Match with the present tag is a 304 without a body
ETG-05 1 RFC 7232, 3.2: If-None-Match with * is a 304 for what exists
ETG-06 1 RFC 7644, 3.14: If-Match with the present tag lets a change through
ETG-07 1 RFC 7644, 3.14, 3.12: If-Match with another tag is a 412, and nothing changes
ETG-08 1 RFC 7232, 3.1: If-Match with * needs a resource
ETG-09 1 RFC 7232, 3.1: of a list of tags one is enough
ETG-10 1 RFC 7644, 3.14: tags are compared weakly
ETG-11 2 RFC 7644, 3.14: the version changes when the resource does, and only then
ETG-12 2 RFC 7644, 3.14: of two writers with one tag one wins
ETG-13 2 RFC 7643, 5: without etag.supported no version is promised

ME-01 1 RFC 7644, 3.11: /Me that is not supported is a 501
ME-02 2 RFC 7644, 3.11: /Me may redirect to the user
ME-03 1 RFC 7644, 3.11: the Location of /Me is the user's own
ME-04 2 RFC 7644, 3.11: /Me is the subject of the credential; without one there is nobody
ME-05 2 RFC 7644, 3.11: POST /Me may create a resource, or is a 501
ME-06 2 RFC 7644, 3.11, 2: a person changes of themselves what the policy lets them

ERR-01 1 RFC 7644, 3.12: an error is a message of its schema
ERR-02 1 RFC 7644, 3.12: the status of an error is text, and that of the response
ERR-03 2 RFC 7644, 3.12: the detail is for people, and tells nothing of the inside
ERR-04 2 RFC 7644, 3.12: scimType is one of the keywords
ERR-05 2 RFC 7644, 3.12: invalidFilter is said of filters
ERR-06 2 RFC 7644, 3.12: tooMany is said of results too large to make
ERR-07 2 RFC 7644, 3.12: uniqueness is said of values that are taken
ERR-08 2 RFC 7644, 3.12: mutability is said of what cannot be changed
ERR-09 2 RFC 7644, 3.12: invalidSyntax is said of bodies
ERR-10 2 RFC 7644, 3.12: invalidPath is said of paths
ERR-11 2 RFC 7644, 3.12: noTarget is said of paths that lead to nothing
ERR-12 2 RFC 7644, 3.12: invalidValue is said of values that are missing or wrong
ERR-13 1 RFC 7644, 3.12: an unknown protocol version is told
ERR-14 2 RFC 7644, 3.12, 7.5.2: sensitive is said of secrets in a URL
ERR-15 1 RFC 7644, 3.12: a fault of the server is a SCIM error too
ERR-16 1 RFC 7644, 3.12: an endpoint that does not exist is a 404 in SCIM form
ERR-17 2 RFC 6585, 4: one request too many is a 429 in SCIM form, with Retry-After

NUL-01 1 RFC 7643, 2.5: unassigned, null and the empty list are one state
NUL-02 1 RFC 7643, 2.5: assigning null or an empty list unassigns
NUL-03 2 RFC 7643, 2.5: a complex attribute without parts is unassigned
NUL-04 2 RFC 7643, 2.5: false and 0 are values; empty text is not present

MV-01 1 RFC 7643, 2.4: one value at most is primary
MV-02 1 RFC 7643, 2.4: a value that does not say so is not primary
MV-03 2 RFC 7643, 2.4: type, primary, display, value and $ref mean the same everywhere
MV-04 2 RFC 7643, 2.4: one value may be there with two types
MV-05 1 RFC 7643, 2.4: a $ref is a URI, and the version in it does not matter
MV-06 2 RFC 7643, 2.4: values are made canonical where that does no damage
MV-07 1 RFC 7643, 2.3.7: a reference leads to the resource
MV-08 2 RFC 7643, 2.3.1: values beside the canonical ones are accepted, or refused
MV-09 1 RFC 7643, 2.3.6: binary values are base64, and what is not is refused
MV-10 1 RFC 7643, 2.3.4: integers have no fraction

EXT-01 1 RFC 7643, 3.3: attributes of an extension stand under its URN
EXT-02 2 RFC 7643, 3: using an extension implies its URN in schemas
EXT-03 1 RFC 7643, 2.1: the URN is read in any letter case
EXT-04 1 RFC 7643, 3.3: one name in core and extension means two attributes
EXT-05 2 RFC 7644, 3.10: a bare name is of the core; an extension needs its URN
EXT-06 2 RFC 7643, 6: an extension that the type does not have is refused
EXT-07 2 RFC 7643, 3.2: a new resource type is published and works

SEC-01 2 RFC 7643, 9.2: no password is stored in clear text
SEC-02 2 RFC 7643, 4.1.1: a password passed on is protected on its way
SEC-03 1 RFC 7643, 4.1.1: a password is prepared, checked and hashed
SEC-04 1 RFC 7644, 7.5.2: nothing personal has to be in a URL
SEC-05 1 RFC 7644, 7.7: input is never more than input
SEC-06 1 RFC 7643, 9.3: tenants cannot read each other
SEC-07 1 RFC 7643, 9.3: the externalId of one client is hidden from others
SEC-08 1 RFC 7644, 6.2: externalId is unique in its tenant at most
SEC-09 1 RFC 7644, 7.7: passwords cannot be guessed by asking
SEC-10 2 RFC 7644, 7.5.1: secrets are in no log, error or event
SEC-11 1 RFC 7644, 6.1: a tenant that is named must be the one of the credential

USR-01 1 RFC 7643, 4.1.1: userName is required, unique and compared without its case
USR-02 2 RFC 7643, 4.1.1: name.formatted and the parts of a name do not contradict each other
USR-03 1 RFC 7643, 4.1.1: active is a truth value
USR-04 1 RFC 7643, 4.1.1: locale is a language tag, with an underscore too
USR-05 2 RFC 7643, 4.1.1: preferredLanguage has the form of Accept-Language
USR-06 2 RFC 7643, 4.1.1: timezone is the name of a zone
USR-07 2 RFC 7643, 4.1.1: profileUrl is a URL
USR-08 1 RFC 7643, 4.1.1: password is written and never returned
USR-09 2 RFC 7643, 4.1.2: an e-mail address looks like one
USR-10 1 RFC 7643, 4.1.2: a country is a code of two letters
USR-11 1 RFC 7643, 4.1.2: groups of a user are derived, with id, URL and kind
USR-12 2 RFC 7643, 4.1.2: membership through a group may be shown as indirect
USR-13 1 RFC 7643, 4.1.2: a certificate is one, in base64
USR-14 2 RFC 7643, 4.1.2: a photo is a URL
USR-15 2 RFC 7643, 4.1.2: telephone numbers are best in RFC 3966 form; others are kept
USR-16 2 RFC 7643, 4.1.2: roles and entitlements are free text
USR-17 2 RFC 7643, 4.1.2: addresses of messengers may be trimmed and lowered

GRP-01 2 RFC 7643, 4.2: displayName is required and need not be unique
GRP-02 1 RFC 7643, 4.2: a member is the id of a resource, with its URL
GRP-03 2 RFC 7643, 4.2: groups may be members
GRP-04 1 RFC 7643, 4.2: the parts of a member are immutable
GRP-05 2 RFC 7643, 2.3.7: a member that does not exist may be refused
GRP-06 2 RFC 7643, 4.2: a member that is added twice is there once
GRP-07 1 RFC 7643, 4.1.2, 4.2: what changes at the group is seen at the user
GRP-08 2 RFC 7643, 4.2: members may have a display
GRP-09 2 RFC 7644, 3.9: a large group can be read without its members

ENT-01 1 RFC 7643, 4.3: the attributes of the enterprise extension are kept under its URN
ENT-02 1 RFC 7643, 4.3: a manager is the id of a user, with its URL
ENT-03 1 RFC 7643, 4.3: the name of the manager is derived, and not to be changed
ENT-04 2 RFC 7643, 4.3: a manager may be an id alone
ENT-05 1 RFC 7643, 4.3: the id of a manager is compared with its case

CUR-01 1 RFC 9865, 2: an empty cursor begins a walk
CUR-02 1 RFC 9865, 2: every page but the last has a nextCursor
CUR-03 1 RFC 9865, 2: the last page has none, though it be full
CUR-04 1 RFC 9865, 2: a previousCursor leads back, and the first page has none
CUR-05 1 RFC 9865, 2: a cursor can stand in a URL as it is
CUR-06 1 RFC 9865, 2: count means with cursors what it means with indexes
CUR-07 1 RFC 9865, 2: a cursor goes on with the same query alone
CUR-08 1 RFC 9865, 2.1: a cursor that is none is a 400 invalidCursor
CUR-09 1 RFC 9865, 2.1: a cursor that is too old is a 400 expiredCursor
CUR-10 1 RFC 9865, 2.1: a count that is too large or changed is a 400 invalidCount, or bent
CUR-11 1 RFC 9865, 2: totalResults is right on every page
CUR-12 1 RFC 9865, 2: itemsPerPage is there, startIndex is not
CUR-13 1 RFC 9865, 2.2: a walk by cursors is sorted throughout
CUR-14 2 RFC 9865, 2.3: a server with cursors alone gives them unasked
CUR-15 1 RFC 9865, 2.4: a query that names no method has the one that is advertised
CUR-16 1 RFC 9865, 2.4: paging by index stays the default
CUR-17 2 RFC 9865, 2.4: a query by cursor and by startIndex at once is refused
CUR-18 1 RFC 9865, 3: a search takes cursors
CUR-19 1 RFC 9865, 4: ServiceProviderConfig tells about pagination
CUR-20 1 RFC 9865, 4: pagination.cursor and pagination.index are truth values
CUR-21 2 RFC 9865, 4: pagination tells its default, its sizes and the life of a cursor
CUR-22 1 RFC 9865, 4: no page is longer than maxPageSize
CUR-23 1 RFC 9865, 4: without count a page has defaultPageSize
CUR-24 1 RFC 9865, 4: a cursor lives as long as cursorTimeout says
CUR-25 1 RFC 9865, 5.2: a cursor shows its bearer what the bearer may see
CUR-26 1 RFC 9865, 5.2: every page is authorised anew
CUR-27 1 RFC 9865, 5.2: a cursor does not outlive a permission
CUR-28 1 RFC 9865, 5.2: a cursor that was altered is recognised
CUR-29 1 RFC 9865, 5.2: errors do not tell what exists
CUR-30 1 RFC 9865, 5.3: cursors cost the server nothing that piles up
CUR-31 2 RFC 9865, 2: a walk misses and repeats nobody while others come and go
CUR-32 2 RFC 9865, 6: pagination is part of the published schema
`;

/** The rules, by area. */
export const requirementRows: readonly RequirementRow[] = table
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => {
    const [, id = '', tier, source = '', statement = ''] = /^(\S+) ([12]) (.+?): (.+)$/.exec(line) ?? [];
    return { id, tier: tier === '1' ? 1 : 2, source, statement };
  });
