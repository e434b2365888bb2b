// Reads CAP documents by cap-ts and prints what it understood.
//
// node read_cap.js PACKAGES FOLDER: one JSON object, for each FOLDER/*.xml by its name. Whatever
// cap-ts cannot read ends the run. Neither its validate() is asked, which wants every list of CAP
// filled, nor its toXML(), which cannot write an area without a circle.
const fs = require('fs');
const path = require('path');

const WORDS =
  'Actual Exercise Test Alert Update Cancel Public Restricted Private Security Safety Immediate ' +
  'Expected Past Severe Moderate Minor Observed Likely Unlikely Monitor Avoid Prepare Execute ' +
  'AllClear None';

// cap-ts keeps words as numbers: the word that it reads as this number.
const word = (read, value) => WORDS.split(' ').find((known) => read(known) === value);
const pairs = (found) => found.map((pair) => [pair.valueName, pair.value]);

function infoSays(cap, info) {
  const read = (name) => cap[`_from_string_Alert_info_list_info_${name}`];
  return {
    language: info.language,
    categories: info.category_list.map((c) => word(read('category_list_category'), c)),
    event: info.event,
    response_types: info.responseType_list.map((r) =>
      word(read('responseType_list_responseType'), r)),
    urgency: word(read('urgency'), info.urgency),
    severity: word(read('severity'), info.severity),
    certainty: word(read('certainty'), info.certainty),
    audience: info.audience,
    expires: info.expires,
    sender_name: info.senderName,
    headline: info.headline,
    description: info.description,
    instruction: info.instruction,
    web: info.web,
    contact: info.contact,
    parameters: pairs(info.parameter_list),
    areas: info.area_list.map((area) => ({
      area_desc: area.areaDesc,
      polygons: area.polygon_list || [],
      circles: area.circle_list || [],
      geocodes: pairs(area.geocode_list),
    })),
  };
}

function says(cap, alert) {
  return {
    identifier: alert.identifier,
    sender: alert.sender,
    sent: alert.sent,
    status: word(cap._from_string_Alert_status, alert.status),
    msg_type: word(cap._from_string_Alert_msgType, alert.msgType),
    source: alert.source,
    scope: word(cap._from_string_Alert_scope, alert.scope),
    restriction: alert.restriction,
    note: alert.note,
    references: alert.references,
    incidents: alert.incidents,
    infos: alert.info_list.map((info) => infoSays(cap, info)),
  };
}

async function main(packages, folder) {
  const cap = require(path.join(packages, '@dec112', 'cap-ts')).CAP_1_2;
  const found = {};
  for (const name of fs.readdirSync(folder).filter((file) => file.endsWith('.xml'))) {
    const alert = await cap.Alert.fromXML(fs.readFileSync(path.join(folder, name), 'utf8'));
    found[path.parse(name).name] = says(cap, alert);
  }
  console.log(JSON.stringify(found));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
