#include "tests/integration/every_type.h"

#include "postgres/connection.h"

namespace trunkline::test {
namespace {

struct Base {
  const char* type;
  std::vector<std::string> values;  // without quotes
};

const std::string kDigits1000(1000, '9');

const std::vector<Base>& NumberTypes() {
  static const std::vector<Base> types = {
      {"boolean", {"t", "f"}},
      {"smallint", {"-32768", "32767", "0"}},
      {"integer", {"-2147483648", "2147483647", "0", "-1"}},
      {"bigint", {"-9223372036854775808", "9223372036854775807", "0"}},
      {"numeric",
       {"NaN", "0.00", "-0.1", "1e131071", "1e-16383", "123456789012345678901234567890.12",
        "1.10"}},
      {"numeric(1000)", {kDigits1000, "-" + kDigits1000, "NaN", "0"}},
      {"numeric(10,4)", {"1", "-999999.9999", "NaN", "0.0001"}},
      {"real", {"NaN", "Infinity", "-Infinity", "-0", "1e-45", "3.4028235e38", "0.1"}},
      {"double precision",
       {"NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e308",
        "0.30000000000000004", "1e15", "123456789012345680"}},
      {"money", {"-92233720368547758.08", "92233720368547758.07", "0", "0.01"}},
      {"oid", {"0", "4294967295"}},
      {"xid", {"0", "4294967295"}},
      {"xid8", {"0", "18446744073709551615"}},
      {"cid", {"0", "4294967295"}},
      {"tid", {"(0,0)", "(4294967295,65535)"}},
      {"pg_lsn", {"0/0", "FFFFFFFF/FFFFFFFF", "16/B374D848"}},
      {"uuid", {"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}},
  };
  return types;
}

const std::vector<Base>& TextTypes() {
  static const std::vector<Base> types = {
      {"\"char\"", {"", "a", "\"", "\\"}},
      {"character(5)", {"", "ab", "ab  c", "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"}},
      {"character varying(20)", {"", " ", "a,b", "tail  "}},
      {"text",
       {"", " ", "NULL", "\\N", "\\.", "a\nb\r\nc", "\t\"quoted\", 'twice'\"\"", "\\x00\\n",
        "\xf0\x9f\xa6\x8f e\xcc\x81 \xe6\x96\xb0", std::string(9000, 'x'), "\x01\x7f"}},
      {"name", {"", "We ird \"name\"", "x,y"}},
      {"bytea", {"\\x", "\\x00", "\\xdeadbeef0022275c", "\\x" + std::string(12000, 'e')}},
      {"json",
       {"{ \"b\" : 1,\n\t\"a\":[ ] , \"b\":2.00 }", "  null", "\"\\u00e4\\n\"", "[1 , 2]",
        "1e400"}},
      {"jsonb", {"{\"b\": 1.00, \"a\": [null, {}]}", "null", "\"x\\ny\"", "1e100"}},
      {"jsonpath", {"$", "$.a[*] ? (@.x > 1 && @.y starts with \"q\")", "strict $.\"b c\"[last]"}},
      {"xml", {"<a b=\"1\">x &amp; y</a>", "plain", "<a/>\n<!-- c -->"}},
      {"tsvector", {"", "'a b':1A,2B 'c''d':3 e"}},
      {"tsquery", {"", "'a b' & !c:*A | (d <2> e)"}},
      {"bit(5)", {"00000", "10101"}},
      {"bit varying", {"", "1", std::string(300, '1')}},
      {"refcursor", {"", "cur sor"}},
  };
  return types;
}

const std::vector<Base>& TimeTypes() {
  static const std::vector<Base> types = {
      {"date",
       {"infinity", "-infinity", "4713-11-24 BC", "0044-03-15 BC", "0001-01-01", "9999-12-31",
        "10000-01-01", "5874897-12-31", "2000-02-29"}},
      {"time without time zone", {"00:00:00", "24:00:00", "23:59:59.999999", "12:00:00.1"}},
      {"time with time zone",
       {"24:00:00+00", "24:00:00-15:59:59", "00:00:00+15:59:59", "12:34:56.7+05:30"}},
      {"timestamp without time zone",
       {"infinity", "-infinity", "4713-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999",
        "1999-12-31 23:59:59.999999", "2000-01-01", "10000-01-01 00:00:00.5",
        "2016-11-30 09:29:00.25"}},
      {"timestamp with time zone",
       {"infinity", "-infinity", "4713-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00",
        "0001-12-31 23:59:59.999999+00 BC", "2016-11-30 09:29:00-08", "10000-01-01 00:00:00+00"}},
      {"timestamp(0) with time zone", {"2016-11-30 09:29:00.6-08", "infinity"}},
      {"interval",
       {"0", "178000000 years", "-178000000 years -11 mons", "1 mon -1 day 00:00:00.000001",
        "-00:00:00.5", "-1 year 2 mons -3 days 04:05:06.789"}},
  };
  return types;
}

const std::vector<Base>& OtherTypes() {
  static const std::vector<Base> types = {
      {"inet", {"0.0.0.0/0", "10.0.0.1/8", "::1", "2001:db8::1/64"}},
      {"cidr", {"10.0.0.0/8", "::/0", "192.168.1.1/32"}},
      {"macaddr", {"00:00:00:00:00:00", "08:00:2b:01:02:03"}},
      {"macaddr8", {"00:00:00:00:00:00:00:00", "08:00:2b:01:02:03:04:05"}},
      {"point", {"(0,-0)", "(NaN,Infinity)", "(1e-300,0.1)"}},
      {"line", {"{1,-1,0}", "{0,1,-2.5}"}},
      {"lseg", {"[(0,0),(1,1)]"}},
      {"box", {"(1,1),(0,0)", "(Infinity,2),(-Infinity,1)"}},
      {"path", {"[(0,0),(1,1)]", "((0,0),(1,1),(2,0.5))"}},
      {"polygon", {"((0,0),(1,1),(2,0))"}},
      {"circle", {"<(0,0),0>", "<(1.5,-2),1e10>"}},
      {"int4range", {"empty", "(,)", "[1,5)", "[-2147483648,2147483647)"}},
      {"int8range", {"empty", "[1,)", "(,9223372036854775807)"}},
      {"numrange", {"empty", "(1.00,2.5]", "[NaN,)"}},
      {"tsrange", {"empty", "[-infinity,infinity]", "[\"2000-01-01 00:00:00\",)"}},
      {"tstzrange", {"(,\"0044-03-15 00:00:00+00 BC\")", "[2000-01-01 00:00:00+00,infinity)"}},
      {"daterange", {"empty", "[10000-01-01,infinity)", "(,)"}},
      {"int4multirange", {"{}", "{[1,3),[5,8)}"}},
      {"int8multirange", {"{}", "{(,1),[5,)}"}},
      {"nummultirange", {"{}", "{[1.0,2.00)}"}},
      {"tsmultirange", {"{}", "{[2000-01-01,2000-01-02),[2001-01-01,infinity]}"}},
      {"tstzmultirange", {"{}", "{[2000-01-01 00:00:00+00,)}"}},
      {"datemultirange", {"{}", "{[2000-01-01,2000-01-02),[10000-01-01,)}"}},
      {"regclass", {"-", "pg_catalog.pg_class", "4294967294"}},
      {"regproc", {"-", "pg_catalog.now"}},
      {"regprocedure", {"-", "pg_catalog.abs(integer)"}},
      {"regoper", {"0", "pg_catalog.||/"}},
      {"regoperator", {"0", "pg_catalog.+(integer,integer)"}},
      {"regtype", {"-", "timestamp with time zone", "pg_catalog.int4[]"}},
      {"regrole", {"-", "postgres"}},
      {"regnamespace", {"-", "pg_catalog"}},
      {"regconfig", {"pg_catalog.simple", "-"}},
      {"regdictionary", {"pg_catalog.simple", "-"}},
      {"regcollation", {"pg_catalog.\"C\"", "-"}},
      {"int2vector", {"", "1 -2 3"}},
      {"oidvector", {"", "1 4294967295"}},
      {"txid_snapshot", {"10:20:10,14,15", "1:1:"}},
      {"pg_snapshot", {"10:20:10,14,15", "1:1:"}},
      {"aclitem", {"=r/postgres", "postgres=arwdDxt/postgres"}},
  };
  return types;
}

std::string Quoted(const std::string& value) { return postgres::QuoteLiteral(value); }

// Literals of T[]: empty, all values with a NULL among them, two dimensions, odd bounds.
std::vector<std::string> ArrayLiterals(const Base& base) {
  const std::string type = std::string(base.type) + "[]";
  std::string all;
  for (const std::string& value : base.values) all += Quoted(value) + "::" + base.type + ",";
  const std::string first = Quoted(base.values.front()) + "::" + base.type;
  const std::string separator = base.type == std::string_view("box") ? ";" : ",";
  return {"'{}'::" + type, "ARRAY[" + all + "NULL]::" + type,
          "ARRAY[[" + first + ",NULL],[NULL," + first + "]]::" + type,
          "'[-1:0]={NULL" + separator + "NULL}'::" + type};
}

std::vector<TypeSample> MakeSamples() {
  std::vector<TypeSample> samples;
  for (const auto* group : {&NumberTypes(), &TextTypes(), &TimeTypes(), &OtherTypes()}) {
    for (const Base& base : *group) {
      TypeSample sample{"c_" + std::string(base.type), base.type, {}};
      for (const std::string& value : base.values) sample.literals.push_back(Quoted(value));
      samples.push_back(std::move(sample));
      samples.push_back(
          {"a_" + std::string(base.type), std::string(base.type) + "[]", ArrayLiterals(base)});
    }
  }
  return samples;
}

}  // namespace

const std::vector<TypeSample>& TypeSamples() {
  static const std::vector<TypeSample> samples = MakeSamples();
  return samples;
}

std::string CreateEveryType(const std::string& table) {
  std::string sql = "CREATE TABLE " + table + " (id bigint PRIMARY KEY";
  for (const TypeSample& sample : TypeSamples()) {
    sql += ", " + postgres::QuoteIdentifier(sample.column) + " " + sample.type;
  }
  return sql + ")";
}

std::string MissingTypesQuery() {
  std::string covered;
  for (const TypeSample& sample : TypeSamples()) {
    covered += (covered.empty() ? "'" : ", '") + sample.type + "'::pg_catalog.regtype";
  }
  // Left out: types that accept no input.
  return "SELECT typname FROM pg_catalog.pg_type t "
         "WHERE typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND typtype IN ('b','r','m') "
         "AND (typelem = 0 OR typsubscript <> 'pg_catalog.array_subscript_handler'::regproc) "
         "AND t.oid <> ALL (ARRAY[" +
         covered +
         "]::pg_catalog.oid[]) "
         "AND typname NOT IN ('gtsvector', 'pg_node_tree', 'pg_ndistinct', 'pg_dependencies', "
         "'pg_mcv_list', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary') ORDER BY 1";
}

}  // namespace trunkline::test
