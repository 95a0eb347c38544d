# liquid_reference.rb - what the reference makes of cases: JSON lines in, JSON lines out.
# An error anywhere is an error of the whole case, as it is for us; its text says which.
# Data is given as the reference's own tests give it: what a template cannot change (static).
require "json"
require "liquid"
require "timeout"

ENV["TZ"] = "UTC"
Encoding.default_external = Encoding::UTF_8
Liquid::Template.error_mode = :strict

# The permitted differences, at most ten: a golden case decides each against 5.4.

# "blank and empty, nil is equal to blank": what Rails calls blank is.
class Object
  def blank?
    respond_to?(:empty?) ? !!empty? : !self
  end
end
class String
  def blank?
    match?(/\A[[:space:]]*\z/)
  end
end

# "filters, last, last of a string", the second of its results: texts have a first and a last.
class String
  def first
    self[0]
  end

  def last
    self[-1]
  end
end

# "filters, reject, first argument is undefined": no property selects nothing, of whatever.
module NoProperty
  def where(input, property, target_value = nil)
    property.nil? ? [] : super
  end
end
Liquid::Template.register_filter(NoProperty)

# "tags, tablerow, no cols param": without cols, the last column is the last item's.
module AllInOneRow
  MANY = 1 << 40

  def initialize(*)
    super
    attributes["cols"] ||= MANY
  end
end
Liquid::TableRow.prepend(AllInOneRow)

module LastOfAll
  def initialize(length, cols)
    super(length, cols == AllInOneRow::MANY ? length : cols)
  end
end
Liquid::TablerowloopDrop.prepend(LastOfAll)

# "filters, base64 decode, from string": what is UTF-8 may stand beside other text.
module DecodesText
  def base64_decode(input)
    text_of(super)
  end

  def base64_url_safe_decode(input)
    text_of(super)
  end

  private

  def text_of(bytes)
    text = bytes.dup.force_encoding("UTF-8")
    text.valid_encoding? ? text : bytes
  end
end
Liquid::Template.register_filter(DecodesText)

# What newer versions have besides; every golden case of these filters agrees.
module NewerFilters
  def find(input, property, value = nil)
    chosen(input, property, value, nil) { |items, &test| items.find(&test) }
  end

  def find_index(input, property, value = nil)
    chosen(input, property, value, nil) { |items, &test| items.find_index(&test) }
  end

  def has(input, property, value = nil)
    chosen(input, property, value, false) { |items, &test| items.any?(&test) }
  end

  def reject(input, property, value = nil)
    chosen(input, property, value, []) { |items, &test| items.reject(&test) }
  end

  def sum(input, property = nil)
    items = Liquid::StandardFilters::InputIterator.new(input, context)
    numbers = items.map do |item|
      next item if property.nil?
      item.respond_to?(:[]) ? item[property] : 0
    rescue TypeError
      raise Liquid::ArgumentError, "cannot select the property '#{property}'"
    end
    total = Liquid::StandardFilters::InputIterator.new(numbers, context).sum { |number| Liquid::Utils.to_number(number) }
    total.is_a?(BigDecimal) ? total.to_f : total
  end

  private

  def chosen(input, property, value, otherwise, &choose)
    items = Liquid::StandardFilters::InputIterator.new(input, context)
    return otherwise if items.empty? || property.nil?
    choose.call(items) do |item|
      value.nil? ? item[property] : item[property] == value
    rescue TypeError
      raise Liquid::ArgumentError, "cannot select the property '#{property}'"
    rescue NoMethodError
      return nil unless item.respond_to?(:[])
      raise
    end
  end
end
Liquid::Template.register_filter(NewerFilters)

# And commas between the arguments of for.
module CommasInFor
  def strict_parse(markup)
    super(markup.gsub(/,(?=(?:[^'"]|'[^']*'|"[^"]*")*\z)/, " "))
  end
end
Liquid::For.prepend(CommasInFor)

class Partials
  def initialize(texts)
    @texts = texts
  end

  def read_template_file(name)
    @texts.fetch(name) { raise Liquid::FileSystemError, "no such partial" }
  end
end

def answer(test)
  template = Liquid::Template.parse(test["template"], error_mode: :strict)
  strict = test["strict_variables"] || false # 5.4 then finds nothing in what is static
  context = Liquid::Context.build((strict ? :environments : :static_environments) => test["data"],
                                  rethrow_errors: true, registers: { file_system: Partials.new(test["partials"]) })
  context.strict_filters = true
  context.strict_variables = strict
  text = Timeout.timeout(5) { template.render!(context) }
  # What base64_decode makes of anything: no text leaves us that is no UTF-8.
  raise "no UTF-8" unless text.dup.force_encoding("UTF-8").valid_encoding?
  { text: text.b.unpack1("H*") }
rescue Timeout::Error
  raise
rescue SystemStackError, StandardError => error
  { error: "#{error.class}: #{error.message}".scrub[0, 200] }
end

$stdin.each_line { |line| puts JSON.generate(answer(JSON.parse(line))) }
